-- name: now_of
SELECT directory.now_at(clock_frozen_at, clock_offset_seconds) FROM directory.org WHERE id = $1

-- name: read
SELECT mode, clock_frozen_at, clock_offset_seconds, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now
  FROM directory.org WHERE id = $1 FOR NO KEY UPDATE

-- name: is_frozen
SELECT clock_frozen_at IS NOT NULL FROM directory.org WHERE id = $1

-- name: freeze_at
UPDATE directory.org SET clock_frozen_at = $2, clock_offset_seconds = 0 WHERE id = $1

-- name: run_from
-- Rounded up: a clock never goes back, not by a part of a second.
UPDATE directory.org SET clock_frozen_at = NULL,
       clock_offset_seconds = ceil(extract(epoch FROM $2::timestamptz - clock_timestamp()))::bigint WHERE id = $1

-- name: begin_advance
INSERT INTO storage.clock_advance (org_id, id, started_at, target_at, reached_at) VALUES ($1, $2, $3, $4, $3)

-- name: open_advance
SELECT id, started_at, target_at, reached_at, done_at, steps, error FROM storage.clock_advance WHERE org_id = $1 AND done_at IS NULL

-- name: advance_by_id
SELECT id, started_at, target_at, reached_at, done_at, steps, error FROM storage.clock_advance WHERE org_id = $1 AND id = $2

-- name: latest_advance
SELECT id, started_at, target_at, reached_at, done_at, steps, error FROM storage.clock_advance WHERE org_id = $1 ORDER BY id DESC LIMIT 1

-- name: find_advancing
SELECT org_id FROM storage.clock_advance WHERE done_at IS NULL

-- name: survey
-- All that a step must know, in one trip: what is due where, and what others hold. The list of the sweeps' own
-- questions is put in place of the mark. $4 is 'off' where a move that follows need not be on disk before the rest:
-- whatever is done at the new instant is flushed after it, so a crash loses both or neither.
SELECT a.id, a.started_at, a.target_at, a.reached_at, a.done_at, a.steps, a.error,
       set_config('synchronous_commit', $4, true) AS commits,
       EXISTS (SELECT FROM storage.unrelayed WHERE org_id = $1) AS unrelayed,
       EXISTS (SELECT FROM storage.job WHERE org_id = $1 AND state = 'leased' AND kind <> ALL ($3::text[])) AS leased,
       (SELECT min(try_at) FROM storage.job WHERE org_id = $1 AND state = 'waiting' AND kind <> ALL ($3::text[])) AS jobs_at,
       ARRAY[/* sweeps */]::timestamptz[] AS rows_at
  FROM storage.clock_advance a WHERE a.org_id = $1 AND a.id = $2

-- name: move_advance
WITH moved AS (
  UPDATE storage.clock_advance SET reached_at = $3, steps = steps + 1
   WHERE org_id = $1 AND id = $2 AND done_at IS NULL AND reached_at <= $3 RETURNING org_id
)
UPDATE directory.org SET clock_frozen_at = $3, clock_offset_seconds = 0 WHERE id = (SELECT org_id FROM moved)

-- name: end_advance
UPDATE storage.clock_advance SET done_at = clock_timestamp(), error = $3 WHERE org_id = $1 AND id = $2 AND done_at IS NULL
