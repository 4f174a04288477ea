-- name: insert_org
INSERT INTO directory.org (public_id, name, mode, timezone, locale, country, clock_frozen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING id

-- name: org_by_id
SELECT id, public_id, name, mode, timezone, locale, country, legal_name, legal_address, tax_id, settings
  FROM directory.org WHERE id = $1

-- name: org_by_public_id
SELECT id, public_id, name, mode, timezone, locale, country, legal_name, legal_address, tax_id, settings
  FROM directory.org WHERE public_id = $1

-- name: orgs
SELECT id, public_id, name, mode, timezone, locale, country, legal_name, legal_address, tax_id, settings
  FROM directory.org ORDER BY id

-- name: update_org_seller
UPDATE directory.org SET legal_name = $2, legal_address = $3, tax_id = $4, country = $5 WHERE id = $1

-- name: update_org_settings
UPDATE directory.org SET settings = settings || $2 WHERE id = $1

-- name: insert_key
INSERT INTO directory.api_key (public_id, org_id, name, secret_hash, hint, scopes) VALUES ($1, $2, $3, $4, $5, $6)
RETURNING id

-- name: key_by_hash
SELECT k.id, k.public_id, k.org_id, k.scopes, k.expires_at, k.revoked_at, o.mode
  FROM directory.api_key k JOIN directory.org o ON o.id = k.org_id
 WHERE k.secret_hash = $1

-- name: keys_of_org
SELECT public_id, name, hint, scopes, created_at, last_used_at, expires_at, revoked_at
  FROM directory.api_key WHERE org_id = $1 ORDER BY id

-- name: key_by_public_id
SELECT id, name, scopes FROM directory.api_key
 WHERE org_id = $1 AND public_id = $2 AND revoked_at IS NULL AND replaced_by IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
   FOR NO KEY UPDATE

-- name: replace_key
UPDATE directory.api_key SET replaced_by = $3, expires_at = $4 WHERE org_id = $1 AND id = $2

-- name: revoke_key
UPDATE directory.api_key SET revoked_at = clock_timestamp() WHERE org_id = $1 AND public_id = $2 AND revoked_at IS NULL

-- name: touch_keys
-- A row that another process touches at this moment is skipped: it was used just now, whoever says so.
UPDATE directory.api_key k SET last_used_at = greatest(k.last_used_at, u.at)
  FROM (SELECT n.id, u.at FROM directory.api_key n JOIN unnest($1::bigint[], $2::timestamptz[]) u(id, at) ON n.id = u.id
         FOR NO KEY UPDATE OF n SKIP LOCKED) u
 WHERE k.id = u.id

-- name: upsert_person
INSERT INTO directory.person (public_id, email, name, locale) VALUES ($1, $2, $3, $4)
ON CONFLICT (email) DO UPDATE SET name = CASE WHEN directory.person.name = '' THEN excluded.name ELSE directory.person.name END
RETURNING id

-- name: upsert_membership
INSERT INTO directory.membership (org_id, person_id, role) VALUES ($1, $2, $3)
ON CONFLICT (org_id, person_id) DO UPDATE SET role = excluded.role

-- name: delete_membership
DELETE FROM directory.membership WHERE org_id = $1 AND person_id = $2

-- name: memberships_of_person
SELECT m.org_id, m.role, o.public_id, o.name, o.mode
  FROM directory.membership m JOIN directory.org o ON o.id = m.org_id
 WHERE m.person_id = $1 ORDER BY o.id

-- name: members_of_org
SELECT p.public_id, p.email, p.name, m.role, m.created_at
  FROM directory.membership m JOIN directory.person p ON p.id = m.person_id
 WHERE m.org_id = $1 ORDER BY p.email

-- name: insert_session
INSERT INTO directory.session (token_hash, person_id, org_id, expires_at) VALUES ($1, $2, $3, $4)

-- name: session_by_hash
SELECT s.person_id, s.org_id, s.expires_at, s.confirmed_at, p.email, p.name, p.locale, m.role, o.public_id, o.name AS org_name, o.mode
  FROM directory.session s
  JOIN directory.person p ON p.id = s.person_id AND p.disabled_at IS NULL
  LEFT JOIN directory.membership m ON m.person_id = s.person_id AND m.org_id = s.org_id
  LEFT JOIN directory.org o ON o.id = m.org_id
 WHERE s.token_hash = $1 AND s.expires_at > $2

-- name: switch_session
UPDATE directory.session SET org_id = $2 WHERE token_hash = $1

-- name: delete_session
DELETE FROM directory.session WHERE token_hash = $1

-- name: insert_link
INSERT INTO directory.sign_in_link (token_hash, person_id, org_id, expires_at) VALUES ($1, $2, $3, $4)

-- name: use_link
UPDATE directory.sign_in_link SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2
RETURNING person_id, org_id

-- name: insert_route
INSERT INTO directory.inbound_route (token, org_id, channel_id) VALUES ($1, $2, $3)
ON CONFLICT (org_id, channel_id) DO NOTHING

-- name: route_by_token
SELECT org_id, channel_id FROM directory.inbound_route WHERE token = $1

-- name: route_of_channel
SELECT token FROM directory.inbound_route WHERE org_id = $1 AND channel_id = $2

-- name: forget_visits
WITH gone AS (DELETE FROM directory.sign_in_link WHERE expires_at < $1)
DELETE FROM directory.session WHERE expires_at < $1
