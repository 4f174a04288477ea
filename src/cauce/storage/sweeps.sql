-- name: park
INSERT INTO storage.parked (org_id, sweep, row_key, error, due_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (org_id, sweep, row_key) DO UPDATE
   SET error = excluded.error, due_at = excluded.due_at, tries = storage.parked.tries + 1, parked_at = clock_timestamp(), let_go_at = NULL

-- name: parked
SELECT sweep, row_key, error, tries, due_at, parked_at FROM storage.parked
 WHERE org_id = $1 AND let_go_at IS NULL ORDER BY parked_at DESC, row_key LIMIT $2

-- name: unpark
UPDATE storage.parked SET let_go_at = clock_timestamp()
 WHERE org_id = $1 AND sweep = $2 AND row_key = $3 AND let_go_at IS NULL RETURNING due_at
