-- name: enqueue
INSERT INTO storage.job (org_id, kind, key, payload, due_at, try_at)
SELECT $1, j.kind, j.key, j.payload, j.due_at, j.due_at
  FROM unnest($2::text[], $3::text[], $4::jsonb[], $5::timestamptz[]) WITH ORDINALITY j(kind, key, payload, due_at, n)
 ORDER BY j.n

-- name: enqueue_deduped
-- A twin that was not begun is locked until this transaction commits, so that whoever runs it sees what was done here.
INSERT INTO storage.job AS w (org_id, kind, key, dedupe, payload, due_at, try_at)
SELECT $1, j.kind, j.key, j.dedupe, j.payload, j.due_at, j.due_at
  FROM unnest($2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[]) WITH ORDINALITY j(kind, key, dedupe, payload, due_at, n)
 ORDER BY j.n
ON CONFLICT (org_id, kind, dedupe) WHERE dedupe IS NOT NULL AND state IN ('waiting', 'blocked')
DO UPDATE SET try_at = CASE WHEN w.attempts = 0 THEN least(w.try_at, excluded.try_at) ELSE w.try_at END

-- name: find
-- The scheduler's question: whose jobs are due by their own clock? One probe per organization that has any waiting
-- job, so that none is hidden behind another's backlog.
WITH RECURSIVE busy(org_id) AS (
  (SELECT org_id FROM storage.job WHERE state = 'waiting' ORDER BY org_id LIMIT 1)
  UNION ALL
  SELECT (SELECT j.org_id FROM storage.job j WHERE j.state = 'waiting' AND j.org_id > busy.org_id ORDER BY j.org_id LIMIT 1)
    FROM busy WHERE busy.org_id IS NOT NULL
)
SELECT o.id AS org_id FROM busy JOIN directory.org o ON o.id = busy.org_id
 WHERE EXISTS (SELECT FROM storage.job j WHERE j.org_id = o.id AND j.state = 'waiting'
                  AND j.try_at <= directory.now_at(o.clock_frozen_at, o.clock_offset_seconds) AND j.kind = ANY ($1::text[]))

-- name: find_expired
SELECT DISTINCT org_id FROM storage.job WHERE state = 'leased' AND leased_until < clock_timestamp()

-- name: claim
-- Candidates in order of their time, at most $4 of an organization. A job whose key has an earlier one steps aside as
-- 'blocked' until that one ends (see promote): it is looked at once and not at every claim. The lock on the first of the
-- key makes sure that it has not ended meanwhile; when it cannot be had, the job just stays waiting.
-- Two claims that race over one key meet at the unique index job_one_per_key.
WITH org AS (
  SELECT o.id, directory.now_at(o.clock_frozen_at, o.clock_offset_seconds) AS now
    FROM unnest($1::bigint[]) WITH ORDINALITY a(id, n) JOIN directory.org o ON o.id = a.id ORDER BY a.n
), candidate AS (
  SELECT c.org_id, c.id, c.key FROM org CROSS JOIN LATERAL (
    SELECT w.org_id, w.id, w.key FROM storage.job w
     WHERE w.org_id = org.id AND w.state = 'waiting' AND w.try_at <= org.now AND w.kind = ANY ($2::text[])
     ORDER BY w.try_at, w.id LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED) c
  LIMIT $3
), judged AS (
  SELECT c.org_id, c.id, c.key, c.key IS NULL OR NOT (
           EXISTS (SELECT FROM storage.job e WHERE e.org_id = c.org_id AND e.key = c.key AND e.state <> 'buried' AND e.id < c.id)
           OR EXISTS (SELECT FROM storage.job e WHERE e.org_id = c.org_id AND e.key = c.key AND e.state = 'leased')) AS free
    FROM candidate c
), decided AS (
  SELECT org_id, id, true AS free FROM judged WHERE free
  UNION ALL
  SELECT b.org_id, b.id, false FROM judged b CROSS JOIN LATERAL (
    SELECT FROM storage.job e WHERE e.org_id = b.org_id AND e.key = b.key AND e.state <> 'buried' AND e.id < b.id
     ORDER BY e.id LIMIT 1 FOR KEY SHARE SKIP LOCKED) ahead
   WHERE NOT b.free
)
UPDATE storage.job j
   SET state = CASE WHEN d.free THEN 'leased' ELSE 'blocked' END,
       attempts = CASE WHEN d.free THEN j.attempts + 1 ELSE j.attempts END,
       lease_token = CASE WHEN d.free THEN nextval('storage.lease_token') END,
       leased_until = CASE WHEN d.free THEN clock_timestamp() + make_interval(secs => $5) END
  FROM (SELECT * FROM decided ORDER BY org_id, id) d -- sorted, so that all is decided before the first row changes
 WHERE j.org_id = d.org_id AND j.id = d.id
RETURNING j.org_id, j.id, j.kind, j.payload, j.due_at, j.attempts, j.lease_token, j.key

-- name: guard
-- Also prolongs a lease of which less than half is left: the keeper passes over rows that are locked, and a job that
-- goes from one transaction into the next is locked nearly always.
WITH mine AS (
  SELECT org_id, id, leased_until FROM storage.job
   WHERE org_id = $1 AND id = $2 AND lease_token = $3 AND leased_until > clock_timestamp() FOR NO KEY UPDATE
), prolonged AS (
  UPDATE storage.job j SET leased_until = clock_timestamp() + make_interval(secs => $4)
    FROM mine WHERE j.org_id = mine.org_id AND j.id = mine.id
     AND mine.leased_until < clock_timestamp() + make_interval(secs => $4) / 2
)
SELECT true FROM mine

-- name: prove
-- The same for several jobs, locked in the order of their numbers.
WITH mine AS (
  SELECT w.org_id, w.id, w.leased_until FROM storage.job w JOIN unnest($1::bigint[], $2::bigint[], $3::bigint[]) l(org_id, id, token)
      ON w.org_id = l.org_id AND w.id = l.id AND w.lease_token = l.token AND w.leased_until > clock_timestamp()
   ORDER BY w.org_id, w.id FOR NO KEY UPDATE OF w
), prolonged AS (
  UPDATE storage.job j SET leased_until = clock_timestamp() + make_interval(secs => $4)
    FROM mine WHERE j.org_id = mine.org_id AND j.id = mine.id
     AND mine.leased_until < clock_timestamp() + make_interval(secs => $4) / 2
)
SELECT id FROM mine

-- name: renew
UPDATE storage.job j SET leased_until = clock_timestamp() + make_interval(secs => $4)
  FROM (SELECT w.org_id, w.id FROM storage.job w JOIN unnest($1::bigint[], $2::bigint[], $3::bigint[]) l(org_id, id, token)
           ON w.org_id = l.org_id AND w.id = l.id AND w.lease_token = l.token AND w.leased_until > clock_timestamp()
         FOR NO KEY UPDATE OF w SKIP LOCKED) mine
 WHERE j.org_id = mine.org_id AND j.id = mine.id
RETURNING j.id

-- name: complete
DELETE FROM storage.job j USING unnest($1::bigint[], $2::bigint[], $3::bigint[]) l(org_id, id, token)
 WHERE j.org_id = l.org_id AND j.id = l.id AND j.lease_token = l.token

-- name: promote
-- Run after the end of a job in the same transaction, as a statement of its own: it must see what others blocked until
-- then.
SELECT storage.promote_jobs($1::bigint[], $2::text[])

-- name: retry_later
UPDATE storage.job j
   SET state = 'waiting', lease_token = NULL, leased_until = NULL, error = $4, try_at = greatest(j.try_at, $5),
       dedupe = CASE WHEN NOT EXISTS (SELECT FROM storage.job t WHERE t.org_id = j.org_id AND t.kind = j.kind
                                         AND t.dedupe = j.dedupe AND t.state IN ('waiting', 'blocked')) THEN j.dedupe END
 WHERE j.org_id = $1 AND j.id = $2 AND j.lease_token = $3

-- name: postpone
UPDATE storage.job j
   SET state = 'waiting', lease_token = NULL, leased_until = NULL, attempts = 0, error = $4, try_at = greatest(j.try_at, $5),
       dedupe = CASE WHEN NOT EXISTS (SELECT FROM storage.job t WHERE t.org_id = j.org_id AND t.kind = j.kind
                                         AND t.dedupe = j.dedupe AND t.state IN ('waiting', 'blocked')) THEN j.dedupe END
 WHERE j.org_id = $1 AND j.id = $2 AND j.lease_token = $3

-- name: call_up
UPDATE storage.job SET try_at = due_at, error = NULL WHERE org_id = $1 AND id = $2 AND state IN ('waiting', 'blocked')

-- name: bury
-- FOR UPDATE waits for a claim that blocks another job behind this one; promote then sees it.
UPDATE storage.job j SET state = 'buried', lease_token = NULL, leased_until = NULL, error = $4
  FROM (SELECT org_id, id FROM storage.job WHERE org_id = $1 AND id = $2 AND lease_token = $3 FOR UPDATE) mine
 WHERE j.org_id = mine.org_id AND j.id = mine.id

-- name: reap
-- A worker died or stopped: its job waits again, in the same place of its key's order. It gives up its dedupe value,
-- for a twin may have been enqueued since.
UPDATE storage.job j
   SET state = 'waiting', lease_token = NULL, leased_until = NULL, dedupe = NULL, error = 'the worker did not finish in time'
  FROM (SELECT org_id, id FROM storage.job WHERE org_id = ANY ($1::bigint[]) AND state = 'leased' AND leased_until < clock_timestamp()
         ORDER BY org_id, id FOR NO KEY UPDATE SKIP LOCKED) dead
 WHERE j.org_id = dead.org_id AND j.id = dead.id

-- name: release
UPDATE storage.job j
   SET state = 'waiting', lease_token = NULL, leased_until = NULL, dedupe = NULL, attempts = attempts - 1
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) l(org_id, id, token)
 WHERE j.org_id = l.org_id AND j.id = l.id AND j.lease_token = l.token

-- name: list
SELECT id, kind, key, state, payload, attempts, error, due_at, try_at, leased_until, created_at FROM storage.job
 WHERE org_id = $1 AND id > $2 AND state = ANY ($4::text[]) ORDER BY id LIMIT $3

-- name: revive
UPDATE storage.job SET state = 'waiting', attempts = 0, dedupe = NULL
 WHERE org_id = $1 AND state = 'buried' AND id = ANY ($2::bigint[])

-- name: revive_all
UPDATE storage.job SET state = 'waiting', attempts = 0, dedupe = NULL WHERE org_id = $1 AND state = 'buried'

-- name: depth
SELECT kind, state, count(*) AS jobs FROM storage.job WHERE org_id = $1 GROUP BY kind, state ORDER BY kind, state

-- name: next_due
SELECT min(try_at) FROM storage.job WHERE org_id = $1 AND state = 'waiting'

-- name: notify
SELECT pg_notify('cauce_jobs', '')
