-- The ledger: two books, append-only, one way in.

CREATE SCHEMA ledger;
GRANT USAGE ON SCHEMA ledger TO cauce_app, cauce_scheduler, cauce_ledger;

-- A pool is what must sum to zero: one book of one holder in one currency. `closed_before` is the first instant that
-- may still be posted into.
CREATE TABLE ledger.pool (
  org_id        bigint NOT NULL,
  id            integer GENERATED ALWAYS AS IDENTITY,
  book          text NOT NULL CHECK (book IN ('platform', 'custody')),
  channel_id    text COLLATE "C" NOT NULL,
  currency      text COLLATE "C" NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
  closed_before timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (org_id, id),
  CONSTRAINT custody_has_a_holder CHECK ((book = 'custody') = (channel_id <> ''))
);
CREATE UNIQUE INDEX pool_name ON ledger.pool (org_id, book, channel_id, currency);
SELECT storage.isolate('ledger.pool', 'SELECT');

CREATE TABLE ledger.account (
  org_id        bigint NOT NULL,
  id            bigint GENERATED ALWAYS AS IDENTITY,
  pool_id       integer NOT NULL,
  code          text COLLATE "C" NOT NULL CHECK (code <> ''),
  owner_id      text COLLATE "C" NOT NULL DEFAULT '',
  normal_side   smallint NOT NULL CHECK (normal_side IN (1, -1)),  -- 1: debit, -1: credit
  floor_minor   bigint,                                            -- least available in the normal sense; NULL: none
  balance_minor bigint NOT NULL DEFAULT 0,                         -- signed, debits positive
  held_minor    bigint NOT NULL DEFAULT 0 CHECK (held_minor >= 0),
  closed_at     timestamptz,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (org_id, pool_id) REFERENCES ledger.pool (org_id, id),
  CONSTRAINT not_below_floor CHECK (floor_minor IS NULL OR normal_side * balance_minor - held_minor >= floor_minor)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
CREATE UNIQUE INDEX account_code ON ledger.account (org_id, pool_id, code);
CREATE INDEX account_owner ON ledger.account (org_id, owner_id) WHERE owner_id <> '';
-- The index that ledger.post looks up by is made last, in every table: its plans are kept for a connection's life and may
-- be made while the tables are empty, when all indexes that begin with org_id cost the same and the youngest is taken.
ALTER TABLE ledger.account ADD PRIMARY KEY (org_id, id);
SELECT storage.isolate('ledger.account', 'SELECT');

CREATE SEQUENCE ledger.journal_id;  -- no cache: ids of one account must rise in the order of posting
CREATE TABLE ledger.journal (
  org_id       bigint NOT NULL,
  id           bigint NOT NULL,
  key          text COLLATE "C" NOT NULL CHECK (key <> ''),
  content_hash bigint NOT NULL,                               -- of what was posted under the key
  recipe       text COLLATE "C" NOT NULL,
  reference    text COLLATE "C" NOT NULL,
  evidence     text COLLATE "C",
  reverses     bigint,
  books        smallint NOT NULL CHECK (books IN (1, 2, 3)),  -- 1 platform, 2 custody, 3 both
  effective_at timestamptz NOT NULL,
  recorded_at  timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT custody_has_evidence CHECK (books = 1 OR coalesce(evidence, '') <> ''),
  CONSTRAINT only_the_fee_sweep_touches_both_books CHECK (books <> 3 OR recipe = 'T14')
);
CREATE INDEX journal_reference ON ledger.journal (org_id, reference);
CREATE UNIQUE INDEX journal_key ON ledger.journal (org_id, key);
SELECT storage.isolate('ledger.journal', 'SELECT');

-- What makes a reversal happen once; rare, so it costs journals nothing.
CREATE TABLE ledger.reversal (
  org_id      bigint NOT NULL,
  journal_id  bigint NOT NULL,
  reversed_by bigint NOT NULL,
  PRIMARY KEY (org_id, journal_id)
);
SELECT storage.isolate('ledger.reversal', 'SELECT');

CREATE TABLE ledger.entry (
  org_id        bigint NOT NULL,
  journal_id    bigint NOT NULL,
  leg           smallint NOT NULL,
  account_id    bigint NOT NULL,
  amount_minor  bigint NOT NULL CHECK (amount_minor <> 0),
  balance_after bigint NOT NULL
);
CREATE INDEX entry_account ON ledger.entry (org_id, account_id, journal_id);
ALTER TABLE ledger.entry ADD PRIMARY KEY (org_id, journal_id, leg);
SELECT storage.isolate('ledger.entry', 'SELECT');

CREATE TABLE ledger.hold (
  org_id          bigint NOT NULL,
  id              bigint NOT NULL,
  key             text COLLATE "C" NOT NULL,
  content_hash    bigint NOT NULL,
  account_id      bigint NOT NULL,
  owner           text COLLATE "C" NOT NULL,
  reference       text COLLATE "C" NOT NULL,
  amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
  remaining_minor bigint NOT NULL CHECK (remaining_minor BETWEEN 0 AND amount_minor),
  state           text NOT NULL CHECK (state IN ('open', 'captured', 'released', 'expired')),
  due_at          timestamptz,                                -- expiry; NULL once it is no longer open
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, key),
  CONSTRAINT ended_holds_are_not_due CHECK (state = 'open' OR due_at IS NULL),
  CONSTRAINT only_open_holds_reserve CHECK ((state = 'open') = (remaining_minor > 0))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX hold_number ON ledger.hold (org_id, id) WHERE id > 0;
CREATE INDEX hold_account ON ledger.hold (org_id, account_id) WHERE state = 'open';
CREATE INDEX hold_due ON ledger.hold (due_at, org_id) WHERE due_at IS NOT NULL;
SELECT storage.isolate('ledger.hold', 'SELECT');
SELECT storage.schedule('ledger.hold');
GRANT UPDATE (due_at) ON ledger.hold TO cauce_app;  -- parking an expiry that failed; the reserve itself stays out of reach

-- Seals chain a hash over every journal up to `until_id`, from where the seal before it ended.
CREATE TABLE ledger.seal (
  org_id      bigint NOT NULL,
  number      bigint NOT NULL,
  until_id    bigint NOT NULL,                                  -- inclusive
  journals    bigint NOT NULL CHECK (journals > 0),
  hash        bytea NOT NULL,
  sealed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, number)
);
SELECT storage.isolate('ledger.seal', 'SELECT');

-- How far the next seals may go once every transaction before `behind_xact` has ended.
CREATE TABLE ledger.seal_mark (
  org_id      bigint NOT NULL PRIMARY KEY,
  until_id    bigint NOT NULL,
  behind_xact numeric NOT NULL
);
SELECT storage.isolate('ledger.seal_mark', 'SELECT');

-- A month of one book of one holder. `until_at` is its end: midnight in the organization's zone.
CREATE TABLE ledger.month (
  org_id      bigint NOT NULL,
  book        text NOT NULL CHECK (book IN ('platform', 'custody')),
  channel_id  text COLLATE "C" NOT NULL,
  starts_on   date NOT NULL CHECK (extract(day FROM starts_on) = 1),
  until_at    timestamptz NOT NULL,
  state       text NOT NULL CHECK (state IN ('open', 'closing', 'closed')),
  closing_by  text,
  closed_at   timestamptz,
  closed_by   text,
  notes       jsonb NOT NULL DEFAULT '[]',                      -- what was not green at closing, each explained by name
  reopened_at timestamptz,
  reopened_by text,
  reopen_approved_by text,
  reopen_reason text,
  PRIMARY KEY (org_id, book, channel_id, starts_on),
  CONSTRAINT custody_has_a_holder CHECK ((book = 'custody') = (channel_id <> '')),
  CONSTRAINT closed_by_somebody CHECK ((state = 'closed') = (closed_at IS NOT NULL AND closed_by IS NOT NULL)),
  CONSTRAINT reopening_takes_two CHECK (
    (reopened_by IS NULL) = (reopened_at IS NULL) AND
    (reopened_by IS NULL OR (coalesce(reopen_approved_by, '') NOT IN ('', reopened_by) AND coalesce(reopen_reason, '') <> '')))
);
SELECT storage.isolate('ledger.month', 'SELECT, INSERT, UPDATE');

-- A closed month opens again only with a fresh reopening, by two persons; and no month is ever forgotten.
CREATE FUNCTION ledger.guard_month() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR NEW.until_at <> OLD.until_at OR
     (OLD.state = 'closed' AND NEW.state <> 'closed' AND (NEW.reopened_at IS NULL OR NEW.reopened_at IS NOT DISTINCT FROM OLD.reopened_at)) THEN
    RAISE EXCEPTION 'a closed month is reopened by two persons with a reason' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guarded BEFORE UPDATE OR DELETE ON ledger.month FOR EACH ROW EXECUTE FUNCTION ledger.guard_month();

-- The second wall behind the missing grants.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.journal FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.reversal FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.entry FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.seal FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.journal FOR EACH STATEMENT EXECUTE FUNCTION storage.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.entry FOR EACH STATEMENT EXECUTE FUNCTION storage.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.seal FOR EACH STATEMENT EXECUTE FUNCTION storage.refuse_change();

GRANT SELECT, INSERT, UPDATE ON ledger.pool, ledger.account, ledger.hold, ledger.seal_mark TO cauce_ledger;
GRANT SELECT, INSERT ON ledger.journal, ledger.reversal, ledger.entry, ledger.seal TO cauce_ledger;
GRANT SELECT, USAGE ON SEQUENCE ledger.journal_id TO cauce_ledger;
GRANT SELECT ON SEQUENCE ledger.journal_id TO cauce_app;
GRANT SELECT ON ledger.month TO cauce_ledger;

-- The functions of cauce_ledger name one organization in every statement. Row-level security on top would only hide from
-- the planner how many rows that is.
DO $$
DECLARE v_table text;
BEGIN
  FOREACH v_table IN ARRAY ARRAY['pool', 'account', 'journal', 'reversal', 'entry', 'hold', 'seal', 'seal_mark'] LOOP
    EXECUTE format('CREATE POLICY by_function ON ledger.%I TO cauce_ledger USING (true) WITH CHECK (true)', v_table);
  END LOOP;
END $$;
