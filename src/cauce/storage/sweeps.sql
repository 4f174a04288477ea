-- name: park
INSERT INTO storage.parked (org_id, sweep, row_key, error, due_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (org_id, sweep, row_key) DO UPDATE
   SET error = excluded.error, due_at = excluded.due_at, tries = storage.parked.tries + 1, parked_at = clock_timestamp()

-- name: parked
SELECT sweep, row_key, error, tries, due_at, parked_at FROM storage.parked WHERE org_id = $1 ORDER BY parked_at DESC LIMIT $2

-- name: unpark
DELETE FROM storage.parked WHERE org_id = $1 AND sweep = $2 AND row_key = $3 RETURNING due_at
