-- Work that waits, what happened, what was answered, who did it.

-- A job is waiting, leased by a worker, blocked behind an earlier one of its key, or buried until a person looks.
CREATE TABLE storage.job (
  org_id       bigint NOT NULL,
  id           bigint GENERATED ALWAYS AS IDENTITY,
  kind         text COLLATE "C" NOT NULL,
  key          text COLLATE "C",            -- jobs of one key run one after the other, in order of id
  dedupe       text COLLATE "C",            -- at most one job of a kind with this value that was not begun
  payload      jsonb NOT NULL,
  state        text COLLATE "C" NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'blocked', 'leased', 'buried')),
  due_at       timestamptz NOT NULL,        -- org time by which its effects are dated; never moves
  try_at       timestamptz NOT NULL,        -- org time of the next try
  attempts     smallint NOT NULL DEFAULT 0,
  lease_token  bigint,
  leased_until timestamptz,                 -- wall time
  error        text,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id),
  CONSTRAINT leased_has_a_lease CHECK ((state = 'leased') = (lease_token IS NOT NULL AND leased_until IS NOT NULL)),
  CONSTRAINT blocked_has_a_key CHECK (state <> 'blocked' OR key IS NOT NULL)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX job_claim ON storage.job (org_id, try_at, id) WHERE state = 'waiting';
CREATE UNIQUE INDEX job_one_per_key ON storage.job (org_id, key) WHERE state = 'leased' AND key IS NOT NULL;
CREATE INDEX job_lease ON storage.job (leased_until, org_id) WHERE state = 'leased';
CREATE INDEX job_order ON storage.job (org_id, key, id) WHERE key IS NOT NULL AND state <> 'buried';
CREATE INDEX job_buried ON storage.job (org_id, id) WHERE state = 'buried';
CREATE UNIQUE INDEX job_dedupe ON storage.job (org_id, kind, dedupe) WHERE dedupe IS NOT NULL AND state IN ('waiting', 'blocked');
CREATE SEQUENCE storage.lease_token CACHE 100;
GRANT USAGE ON SEQUENCE storage.lease_token TO cauce_app;
SELECT storage.isolate('storage.job');
SELECT storage.schedule('storage.job', 'org_id, try_at, kind, state, leased_until');

-- The first job that is left of each key may go; how many were called up. A loop, because a join over a queue, whose
-- statistics are always old, is planned wrong sooner or later.
CREATE FUNCTION storage.promote_jobs(p_orgs bigint[], p_keys text[]) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_id bigint;
  v_state text;
  v_count integer := 0;
BEGIN
  FOR v_place IN 1 .. cardinality(p_orgs) LOOP
    SELECT id, state INTO v_id, v_state FROM storage.job
     WHERE org_id = p_orgs[v_place] AND key = p_keys[v_place] AND state <> 'buried' ORDER BY id LIMIT 1;
    IF v_state = 'blocked' THEN
      UPDATE storage.job SET state = 'waiting' WHERE org_id = p_orgs[v_place] AND id = v_id AND state = 'blocked';
      v_count := v_count + 1;
    END IF;
    v_state := NULL;
  END LOOP;
  RETURN v_count;
END $$;

-- The outbox: what happened, in the transaction in which it happened. The relay marks rows; it keeps no cursor,
-- because the order of ids is not the order of commits.
CREATE TABLE storage.event (
  org_id      bigint NOT NULL,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  public_id   text COLLATE "C" NOT NULL,
  type        text COLLATE "C" NOT NULL,
  object_id   text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C",             -- whose timeline it belongs to, if anybody's
  sequence    bigint NOT NULL,              -- per object, without gaps
  data        jsonb NOT NULL,
  previous    jsonb,
  actor       text NOT NULL,
  cause       text,
  occurred_at timestamptz NOT NULL,         -- org time
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  relayed_at  timestamptz,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX event_public ON storage.event (org_id, public_id);
CREATE UNIQUE INDEX event_sequence ON storage.event (org_id, object_id, sequence);
CREATE INDEX event_customer ON storage.event (org_id, customer_id, id) WHERE customer_id IS NOT NULL;
CREATE INDEX event_type ON storage.event (org_id, type, id);
CREATE INDEX event_relay ON storage.event (org_id, id) WHERE relayed_at IS NULL;
SELECT storage.isolate('storage.event', 'SELECT, INSERT');
GRANT UPDATE (relayed_at) ON storage.event TO cauce_app;
SELECT storage.schedule('storage.event', 'org_id, id, relayed_at');

CREATE TABLE storage.idempotency (
  org_id     bigint NOT NULL,
  key        text COLLATE "C" NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  operation  text NOT NULL,
  body_hash  bytea NOT NULL,
  status     smallint NOT NULL,
  response   bytea NOT NULL,
  keep       boolean NOT NULL,              -- true: it moved money, kept for ever; false: 30 days
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, key)
);
CREATE INDEX idempotency_age ON storage.idempotency (created_at, org_id) WHERE NOT keep;
SELECT storage.isolate('storage.idempotency', 'SELECT, INSERT, DELETE');
GRANT UPDATE (status, response) ON storage.idempotency TO cauce_app;
SELECT storage.schedule('storage.idempotency', 'org_id, created_at, keep');

CREATE TABLE storage.audit (
  org_id      bigint NOT NULL,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor       text NOT NULL,
  address     text,
  request_id  text,
  action      text COLLATE "C" NOT NULL,
  object_id   text COLLATE "C" NOT NULL,
  refused     boolean NOT NULL DEFAULT false,
  before      jsonb,
  after       jsonb,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX audit_object ON storage.audit (org_id, object_id, id);
SELECT storage.isolate('storage.audit', 'SELECT, INSERT');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON storage.audit FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON storage.audit FOR EACH STATEMENT EXECUTE FUNCTION storage.refuse_change();

-- Values that must not be readable at rest: sealed by the key `key_id`, bound to (org_id, owner_id, name).
CREATE TABLE storage.sealed (
  org_id     bigint NOT NULL,
  owner_id   text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  key_id     text NOT NULL,
  box        bytea NOT NULL,
  expires_at timestamptz,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, owner_id, name)
);
CREATE INDEX sealed_expiry ON storage.sealed (org_id, expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX sealed_key ON storage.sealed (org_id, key_id);
SELECT storage.isolate('storage.sealed');
SELECT storage.schedule('storage.sealed', 'org_id, expires_at');

-- Rows of due tables whose processing failed alone: parked with their error until somebody looks.
CREATE TABLE storage.parked (
  org_id    bigint NOT NULL,
  sweep     text COLLATE "C" NOT NULL,
  row_key   text COLLATE "C" NOT NULL,
  error     text NOT NULL,
  due_at    timestamptz NOT NULL,     -- when it was due, given back when it is let go
  tries     integer NOT NULL DEFAULT 1,
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  let_go_at timestamptz,
  PRIMARY KEY (org_id, sweep, row_key)
);
CREATE INDEX parked_now ON storage.parked (org_id, parked_at) WHERE let_go_at IS NULL;
SELECT storage.isolate('storage.parked');

-- A clock's way to its target, so that a killed advance goes on where it was.
CREATE TABLE storage.clock_advance (
  org_id     bigint NOT NULL,
  id         text COLLATE "C" NOT NULL,
  started_at timestamptz NOT NULL,          -- org time
  target_at  timestamptz NOT NULL,
  reached_at timestamptz NOT NULL,
  done_at    timestamptz,                   -- wall time
  steps      bigint NOT NULL DEFAULT 0,
  error      text,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX clock_advance_one_at_a_time ON storage.clock_advance (org_id) WHERE done_at IS NULL;
SELECT storage.isolate('storage.clock_advance');
SELECT storage.schedule('storage.clock_advance', 'org_id, done_at');
