-- name: enqueue
INSERT INTO storage.job (org_id, kind, key, dedupe, payload, due_at)
SELECT $1, j.kind, j.key, j.dedupe, j.payload, j.due_at
  FROM unnest($2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[]) WITH ORDINALITY j(kind, key, dedupe, payload, due_at, n)
 ORDER BY j.n
ON CONFLICT (org_id, kind, dedupe) WHERE dedupe IS NOT NULL AND state = 'waiting' DO NOTHING

-- name: find
-- The scheduler's question: whose jobs are due? Live organizations by the index over due times, oldest first and
-- bounded; each sandbox by one probe against its own clock; and whoever has a lease that ran out.
SELECT DISTINCT due.org_id FROM (
  (SELECT j.org_id FROM storage.job j JOIN directory.org o ON o.id = j.org_id AND o.mode = 'live'
    WHERE j.state = 'waiting' AND j.due_at <= clock_timestamp() ORDER BY j.due_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM directory.org o WHERE o.mode = 'sandbox' AND EXISTS (
    SELECT FROM storage.job j WHERE j.org_id = o.id AND j.state = 'waiting'
      AND j.due_at <= directory.now_at(o.clock_frozen_at, o.clock_offset_seconds))
  UNION ALL
  SELECT j.org_id FROM storage.job j WHERE j.state = 'leased' AND j.leased_until < clock_timestamp()
) due

-- name: claim
-- A job is free when nothing earlier of its key is waiting or leased. Two claims that race over one key meet at the
-- unique index job_one_per_key.
WITH org AS (
  SELECT o.id, directory.now_at(o.clock_frozen_at, o.clock_offset_seconds) AS now
    FROM directory.org o WHERE o.id = ANY ($1::bigint[])
), free AS (
  SELECT j.org_id, j.id FROM org CROSS JOIN LATERAL (
    SELECT w.org_id, w.id FROM storage.job w
     WHERE w.org_id = org.id AND w.state = 'waiting' AND w.due_at <= org.now AND w.kind = ANY ($2::text[])
       AND (w.key IS NULL OR NOT EXISTS (
             SELECT FROM storage.job e WHERE e.org_id = w.org_id AND e.key = w.key AND e.state <> 'buried'
                AND (e.id < w.id OR e.state = 'leased')))
     ORDER BY w.due_at, w.id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED) j
  LIMIT $3
)
UPDATE storage.job j
   SET state = 'leased', attempts = j.attempts + 1, lease_token = nextval('storage.lease_token'),
       leased_until = clock_timestamp() + make_interval(secs => $4)
  FROM free WHERE j.org_id = free.org_id AND j.id = free.id
RETURNING j.org_id, j.id, j.kind, j.payload, j.due_at, j.attempts, j.lease_token

-- name: guard
SELECT true FROM storage.job
 WHERE org_id = $1 AND id = $2 AND lease_token = $3 AND leased_until > clock_timestamp() FOR NO KEY UPDATE

-- name: renew
UPDATE storage.job j SET leased_until = clock_timestamp() + make_interval(secs => $4)
  FROM (SELECT w.org_id, w.id FROM storage.job w JOIN unnest($1::bigint[], $2::bigint[], $3::bigint[]) l(org_id, id, token)
           ON w.org_id = l.org_id AND w.id = l.id AND w.lease_token = l.token AND w.leased_until > clock_timestamp()
         FOR NO KEY UPDATE OF w SKIP LOCKED) mine
 WHERE j.org_id = mine.org_id AND j.id = mine.id

-- name: complete
DELETE FROM storage.job j USING unnest($1::bigint[], $2::bigint[], $3::bigint[]) l(org_id, id, token)
 WHERE j.org_id = l.org_id AND j.id = l.id AND j.lease_token = l.token

-- name: retry_later
UPDATE storage.job SET state = 'waiting', lease_token = NULL, leased_until = NULL, error = $4, due_at = $5
 WHERE org_id = $1 AND id = $2 AND lease_token = $3

-- name: bury
UPDATE storage.job SET state = 'buried', lease_token = NULL, leased_until = NULL, error = $4
 WHERE org_id = $1 AND id = $2 AND lease_token = $3

-- name: reap
-- A worker died or stopped: its job waits again, in the same place of its key's order.
UPDATE storage.job j SET state = 'waiting', lease_token = NULL, leased_until = NULL, error = 'the worker did not finish in time'
  FROM (SELECT org_id, id FROM storage.job WHERE org_id = ANY ($1::bigint[]) AND state = 'leased' AND leased_until < clock_timestamp()
         ORDER BY org_id, id FOR NO KEY UPDATE SKIP LOCKED) dead
 WHERE j.org_id = dead.org_id AND j.id = dead.id

-- name: release
UPDATE storage.job j SET state = 'waiting', lease_token = NULL, leased_until = NULL, attempts = attempts - 1
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) l(org_id, id, token)
 WHERE j.org_id = l.org_id AND j.id = l.id AND j.lease_token = l.token

-- name: buried
SELECT id, kind, key, payload, attempts, error, due_at, created_at FROM storage.job
 WHERE org_id = $1 AND state = 'buried' AND id > $2 ORDER BY id LIMIT $3

-- name: revive
UPDATE storage.job SET state = 'waiting', attempts = 0 WHERE org_id = $1 AND state = 'buried' AND ($2::bigint IS NULL OR id = $2)

-- name: depth
SELECT kind, state, count(*) AS jobs FROM storage.job WHERE org_id = $1 GROUP BY kind, state ORDER BY kind, state

-- name: next_due
SELECT min(due_at) FROM storage.job WHERE org_id = $1 AND state = 'waiting'

-- name: unfinished_until
SELECT count(*) FROM storage.job WHERE org_id = $1 AND kind <> ALL ($3::text[])
   AND (state = 'leased' OR (state = 'waiting' AND due_at <= $2))

-- name: notify
SELECT pg_notify('cauce_jobs', '')
