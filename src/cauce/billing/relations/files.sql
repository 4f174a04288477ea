-- name: insert_file
INSERT INTO relations.file (org_id, id, customer_id, name, sha256, bytes, content, added_by, added_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (org_id, customer_id, sha256, name) DO NOTHING RETURNING id

-- name: known_file
SELECT id FROM relations.file WHERE org_id = $1 AND customer_id = $2 AND sha256 = $3 AND name = $4

-- name: count_files
SELECT count(*) FROM relations.file WHERE org_id = $1 AND customer_id = $2

-- name: files_of
SELECT id, customer_id, name, sha256, bytes, added_by, added_at FROM relations.file WHERE org_id = $1 AND customer_id = $2 ORDER BY id DESC

-- name: content_of
SELECT name, content FROM relations.file WHERE org_id = $1 AND customer_id = $2 AND id = $3

-- name: delete_file
DELETE FROM relations.file WHERE org_id = $1 AND customer_id = $2 AND id = $3

-- name: forget_files
DELETE FROM relations.file WHERE org_id = $1 AND customer_id = $2
