-- name: lock
SELECT pg_try_advisory_xact_lock(hashtextextended($1::text || ':' || $2::text, 1397764467))

-- name: read
SELECT operation, body_hash, status, response, created_at < clock_timestamp() - interval '60 seconds' AS is_old FROM storage.idempotency WHERE org_id = $1 AND key = $2

-- name: write
INSERT INTO storage.idempotency (org_id, key, operation, body_hash, status, response, keep) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: find
SELECT DISTINCT org_id FROM storage.idempotency WHERE NOT keep AND created_at < $1

-- name: forget
DELETE FROM storage.idempotency WHERE org_id = $1 AND NOT keep AND key IN (
  SELECT key FROM storage.idempotency WHERE org_id = $1 AND NOT keep AND created_at < $2 ORDER BY created_at LIMIT $3)

-- name: answer
UPDATE storage.idempotency SET status = $3, response = $4 WHERE org_id = $1 AND key = $2 AND status = 0
