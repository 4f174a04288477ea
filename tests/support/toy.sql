-- name: schema
-- A slice as small as can be: timers that are due, and a list of what was done about them and by jobs.
CREATE SCHEMA toy;
GRANT USAGE ON SCHEMA toy TO cauce_app, cauce_scheduler;
CREATE TABLE toy.timer (
  org_id bigint NOT NULL,
  id     text COLLATE "C" NOT NULL,
  rank   integer NOT NULL DEFAULT 25,
  due_at timestamptz,
  then_job text,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX timer_of_org ON toy.timer (org_id, rank, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX timer_due ON toy.timer (due_at, org_id) WHERE due_at IS NOT NULL;
SELECT storage.isolate('toy.timer');
SELECT storage.schedule('toy.timer', 'org_id, due_at, rank');
CREATE TABLE toy.effect (
  org_id bigint NOT NULL,
  n      bigint GENERATED ALWAYS AS IDENTITY,
  name   text NOT NULL,
  due_at timestamptz,
  org_time timestamptz NOT NULL,
  worker integer NOT NULL DEFAULT pg_backend_pid(),
  PRIMARY KEY (org_id, n)
);
CREATE INDEX effect_name ON toy.effect (org_id, name);
SELECT storage.isolate('toy.effect');
-- Every lease that was ever taken or ended, written by a trigger, so that a test can judge them all.
CREATE TABLE toy.lease (
  n       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job_id  bigint NOT NULL,
  token   bigint NOT NULL,
  what    text NOT NULL,
  error   text,
  leased_until timestamptz NOT NULL,
  at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE FUNCTION toy.note_lease() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.state = 'leased' THEN
      INSERT INTO toy.lease (job_id, token, what, leased_until) VALUES (OLD.id, OLD.lease_token, 'ended', OLD.leased_until);
    END IF;
    RETURN OLD;
  END IF;
  IF NEW.state = 'leased' THEN
    INSERT INTO toy.lease (job_id, token, what, leased_until)
    VALUES (NEW.id, NEW.lease_token, CASE WHEN OLD.state = 'leased' THEN 'renewed' ELSE 'taken' END, NEW.leased_until);
  ELSIF OLD.state = 'leased' THEN
    INSERT INTO toy.lease (job_id, token, what, error, leased_until)
    VALUES (OLD.id, OLD.lease_token, 'ended', NEW.error, OLD.leased_until);
  END IF;
  RETURN NEW;
END $$;

-- name: watch_leases
CREATE TRIGGER note_lease AFTER UPDATE OR DELETE ON storage.job FOR EACH ROW EXECUTE FUNCTION toy.note_lease()

-- name: leases
SELECT job_id, token, what, error, leased_until, at FROM toy.lease ORDER BY job_id, n

-- name: find
WITH early AS MATERIALIZED (
  SELECT t.org_id FROM toy.timer t JOIN directory.org o ON o.id = t.org_id AND o.mode = 'live'
   WHERE t.due_at <= clock_timestamp() AND t.rank = 25 ORDER BY t.due_at LIMIT $1
)
SELECT org_id FROM early
UNION
-- Sandboxes have clocks of their own; and a full page may hide organizations behind the backlog of one.
SELECT o.id FROM directory.org o
 WHERE (o.mode = 'sandbox' OR (SELECT count(*) FROM early) >= $1)
   AND EXISTS (SELECT FROM toy.timer t WHERE t.org_id = o.id AND t.rank = 25
                  AND t.due_at <= directory.now_at(o.clock_frozen_at, o.clock_offset_seconds))

-- name: claim
SELECT due.org_id, due.key, due.due_at, due.then_job
  FROM unnest($1::bigint[]) WITH ORDINALITY a(id, n) JOIN directory.org o ON o.id = a.id CROSS JOIN LATERAL (
    SELECT t.org_id, t.id AS key, t.due_at, t.then_job FROM toy.timer t
     WHERE t.org_id = o.id AND t.rank = 25 AND t.due_at <= directory.now_at(o.clock_frozen_at, o.clock_offset_seconds)
       AND ($3::text[] IS NULL OR t.id = ANY ($3))
     ORDER BY t.due_at, t.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
 LIMIT $2

-- name: next_due
SELECT min(due_at) FROM toy.timer WHERE org_id = $1 AND rank = 25 AND due_at IS NOT NULL

-- name: set_due
UPDATE toy.timer SET due_at = $3 WHERE org_id = $1 AND id = $2

-- name: clear_due
UPDATE toy.timer t SET due_at = NULL FROM unnest($1::bigint[], $2::text[]) d(org_id, id)
 WHERE t.org_id = d.org_id AND t.id = d.id

-- name: add_timers
INSERT INTO toy.timer (org_id, id, rank, due_at, then_job)
SELECT $1, t.id, $4, t.due_at, $5 FROM unnest($2::text[], $3::timestamptz[]) t(id, due_at)

-- name: write_effects
INSERT INTO toy.effect (org_id, name, due_at, org_time)
SELECT e.org_id, e.name, e.due_at, directory.now_at(o.clock_frozen_at, o.clock_offset_seconds)
  FROM unnest($1::bigint[], $2::text[], $3::timestamptz[]) WITH ORDINALITY e(org_id, name, due_at, n)
  JOIN directory.org o ON o.id = e.org_id ORDER BY e.n

-- name: effects
SELECT name, due_at, org_time, worker FROM toy.effect WHERE org_id = $1 ORDER BY n
