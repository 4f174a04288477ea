-- name: now_of
SELECT directory.now_at(clock_frozen_at, clock_offset_seconds) FROM directory.org WHERE id = $1

-- name: read
SELECT mode, clock_frozen_at, clock_offset_seconds, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now
  FROM directory.org WHERE id = $1 FOR NO KEY UPDATE

-- name: freeze_at
UPDATE directory.org SET clock_frozen_at = $2, clock_offset_seconds = 0 WHERE id = $1

-- name: run_from
UPDATE directory.org SET clock_frozen_at = NULL,
       clock_offset_seconds = extract(epoch FROM $2::timestamptz - clock_timestamp())::bigint WHERE id = $1

-- name: begin_advance
INSERT INTO storage.clock_advance (org_id, id, started_at, target_at, reached_at) VALUES ($1, $2, $3, $4, $3)

-- name: open_advance
SELECT id, started_at, target_at, reached_at, done_at, steps, error FROM storage.clock_advance WHERE org_id = $1 AND done_at IS NULL

-- name: advance_by_id
SELECT id, started_at, target_at, reached_at, done_at, steps, error FROM storage.clock_advance WHERE org_id = $1 AND id = $2

-- name: move_advance
UPDATE storage.clock_advance SET reached_at = $3, steps = steps + 1 WHERE org_id = $1 AND id = $2 AND done_at IS NULL

-- name: end_advance
UPDATE storage.clock_advance SET done_at = clock_timestamp(), error = $3 WHERE org_id = $1 AND id = $2 AND done_at IS NULL
