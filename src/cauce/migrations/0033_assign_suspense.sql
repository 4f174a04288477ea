-- Credits that nobody knows the owner of, each on its own until two persons have said whose it is (T17, T18, K15).
CREATE TABLE settlement.suspense (
  org_id         bigint NOT NULL,
  id             text COLLATE "C" NOT NULL,
  channel_id     text COLLATE "C" NOT NULL,
  currency       text COLLATE "C" NOT NULL,
  amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
  assigned_minor bigint NOT NULL DEFAULT 0,
  evidence       text COLLATE "C" NOT NULL CHECK (evidence <> ''),   -- the statement line that told of it
  ref            text COLLATE "C" NOT NULL DEFAULT '',               -- the provider's number
  arrived_at     timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT assigned_at_most_arrived CHECK (assigned_minor BETWEEN 0 AND amount_minor)
);
CREATE UNIQUE INDEX suspense_evidence ON settlement.suspense (org_id, evidence);
SELECT storage.isolate('settlement.suspense', 'SELECT, INSERT, UPDATE');
-- Those that came before this table.
INSERT INTO settlement.suspense (org_id, id, channel_id, currency, amount_minor, evidence, ref, arrived_at)
SELECT j.org_id, 'sus_' || left(md5(j.org_id || ':' || j.id), 26), p.channel_id, p.currency, -e.amount_minor,
       coalesce(nullif(j.evidence, ''), j.id::text), j.reference, j.effective_at
  FROM ledger.journal j
  JOIN ledger.entry e ON e.org_id = j.org_id AND e.journal_id = j.id
  JOIN ledger.account a ON a.org_id = j.org_id AND a.id = e.account_id
  JOIN ledger.pool p ON p.org_id = j.org_id AND p.id = a.pool_id
 WHERE a.code = 'suspense' AND j.recipe IN ('T13', 'T17') AND e.amount_minor < 0;

ALTER TABLE settlement.funding DROP CONSTRAINT funding_kind_check;
ALTER TABLE settlement.funding ADD CONSTRAINT funding_kind_check CHECK (kind IN
  ('top_up', 'undo_top_up', 'subsidy', 'advance', 'recover_advance', 'fee_sweep', 'assign_suspense', 'undo_assign'));
ALTER TABLE settlement.funding DROP CONSTRAINT two_persons;
-- The platform's own money, and money of an owner not known before, move with two persons (K15, K18).
ALTER TABLE settlement.funding ADD CONSTRAINT two_persons CHECK (
  kind NOT IN ('subsidy', 'advance', 'assign_suspense', 'undo_assign') OR state IN ('requested', 'canceled')
  OR (approved_by <> '' AND approved_by <> requested_by));
ALTER TABLE settlement.funding ADD CONSTRAINT suspense_has_an_item CHECK (kind NOT IN ('assign_suspense', 'undo_assign') OR parent_id <> '');
