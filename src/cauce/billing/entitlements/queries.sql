-- name: lock_access
SELECT subscription_id, customer_id, product_id, plan_id, level, features, limits FROM entitlements.access
 WHERE org_id = $1 AND subscription_id = ANY ($2::text[]) ORDER BY subscription_id FOR NO KEY UPDATE

-- name: put_access
INSERT INTO entitlements.access (org_id, subscription_id, customer_id, product_id, plan_id, level, features, limits, changed_at)
SELECT $1, u.*, $9 FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::jsonb[]) u
ON CONFLICT (org_id, subscription_id) DO UPDATE
   SET product_id = excluded.product_id, plan_id = excluded.plan_id, level = excluded.level, features = excluded.features, limits = excluded.limits, changed_at = excluded.changed_at

-- name: access_of_customer
SELECT subscription_id, customer_id, product_id, plan_id, level, features, limits, changed_at FROM entitlements.access
 WHERE org_id = $1 AND customer_id = $2 ORDER BY subscription_id

-- name: insert_grant
INSERT INTO entitlements.hand_grant (org_id, id, customer_id, product_id, feature, value, level, reason, actor, created_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: grants_of_customer
SELECT id, product_id, feature, value, level, reason, actor, created_at, due_at FROM entitlements.hand_grant
 WHERE org_id = $1 AND customer_id = $2 AND ended_at IS NULL AND (due_at IS NULL OR due_at > $3) ORDER BY id

-- name: move_grant
UPDATE entitlements.hand_grant g SET due_at = $5, reason = $6
  FROM (SELECT org_id, id, due_at FROM entitlements.hand_grant WHERE org_id = $1 AND id = $2 AND customer_id = $3 AND ended_at IS NULL
           AND (due_at IS NULL OR due_at > $4) FOR NO KEY UPDATE) old
 WHERE g.org_id = old.org_id AND g.id = old.id RETURNING g.level, g.feature, old.due_at AS ended_before

-- name: end_grants
UPDATE entitlements.hand_grant SET ended_at = $3, due_at = NULL WHERE org_id = $1 AND id = ANY ($2::text[]) AND ended_at IS NULL
RETURNING id, customer_id, feature, level

-- name: granted_levels
SELECT customer_id, product_id, level FROM entitlements.hand_grant
 WHERE org_id = $1 AND customer_id = ANY ($2::text[]) AND ended_at IS NULL AND level IS NOT NULL AND (due_at IS NULL OR due_at > $3)
 ORDER BY id
