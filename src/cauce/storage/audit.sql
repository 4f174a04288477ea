-- name: write
INSERT INTO storage.audit (org_id, actor, address, request_id, action, object_id, refused, before, after)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: page
SELECT id, at, actor, address, request_id, action, object_id, refused, before, after
  FROM storage.audit WHERE org_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3

-- name: page_of_object
SELECT id, at, actor, address, request_id, action, object_id, refused, before, after
  FROM storage.audit WHERE org_id = $1 AND object_id = $4 AND id < $2 ORDER BY id DESC LIMIT $3
