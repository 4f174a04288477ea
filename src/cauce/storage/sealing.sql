-- name: put
INSERT INTO storage.sealed (org_id, owner_id, name, key_id, box, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (org_id, owner_id, name) DO UPDATE
   SET key_id = excluded.key_id, box = excluded.box, expires_at = excluded.expires_at, written_at = clock_timestamp()

-- name: get
SELECT name, key_id, box FROM storage.sealed
 WHERE org_id = $1 AND owner_id = $2 AND name = ANY ($3::text[]) AND (expires_at IS NULL OR expires_at > clock_timestamp())

-- name: names_of
SELECT name FROM storage.sealed WHERE org_id = $1 AND owner_id = $2 ORDER BY name

-- name: drop
DELETE FROM storage.sealed WHERE org_id = $1 AND owner_id = $2

-- name: find_expired
SELECT DISTINCT org_id FROM storage.sealed WHERE expires_at < clock_timestamp()

-- name: drop_expired
DELETE FROM storage.sealed WHERE org_id = $1 AND expires_at < clock_timestamp()

-- name: under_other_keys
SELECT owner_id, name, key_id, box FROM storage.sealed WHERE org_id = $1 AND (key_id < $2 OR key_id > $2)
 ORDER BY owner_id, name LIMIT $3 FOR UPDATE

-- name: keys_in_use
SELECT key_id, count(*) AS boxes FROM storage.sealed WHERE org_id = $1 GROUP BY key_id ORDER BY key_id

-- name: rewrap
UPDATE storage.sealed s SET key_id = $2, box = r.box
  FROM unnest($3::text[], $4::text[], $5::bytea[]) r(owner_id, name, box)
 WHERE s.org_id = $1 AND s.owner_id = r.owner_id AND s.name = r.name

-- name: put_once
INSERT INTO storage.sealed (org_id, owner_id, name, key_id, box, expires_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
