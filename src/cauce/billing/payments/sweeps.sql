-- name: retry_find
SELECT DISTINCT due.org_id FROM (
  (SELECT x.org_id FROM payments.dunning_case x JOIN directory.org o ON o.id = x.org_id AND o.mode = 'live'
    WHERE x.due_at <= (SELECT directory.now_at(NULL, 0)) ORDER BY x.due_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM (SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE mode = 'sandbox' OFFSET 0) o
   WHERE EXISTS (SELECT FROM payments.dunning_case x WHERE x.org_id = o.id AND x.due_at <= o.now)
) due

-- name: retry_claim
WITH org AS MATERIALIZED (
  SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE id = ANY ($1::bigint[])
)
SELECT due.* FROM org CROSS JOIN LATERAL (
  SELECT x.*, x.id AS key FROM payments.dunning_case x
   WHERE x.org_id = org.id AND x.due_at <= org.now AND ($3::text[] IS NULL OR x.id = ANY ($3))
   ORDER BY x.due_at, x.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
 ORDER BY due.due_at, due.key LIMIT $2

-- name: retry_set_due
UPDATE payments.dunning_case x SET due_at = $3 WHERE x.org_id = $1 AND x.id = $2

-- name: retry_next
SELECT min(x.due_at) FROM payments.dunning_case x WHERE x.org_id = $1 AND x.due_at IS NOT NULL

-- name: grace_find
SELECT DISTINCT due.org_id FROM (
  (SELECT x.org_id FROM payments.dunning_case x JOIN directory.org o ON o.id = x.org_id AND o.mode = 'live'
    WHERE x.grace_at <= (SELECT directory.now_at(NULL, 0)) ORDER BY x.grace_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM (SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE mode = 'sandbox' OFFSET 0) o
   WHERE EXISTS (SELECT FROM payments.dunning_case x WHERE x.org_id = o.id AND x.grace_at <= o.now)
) due

-- name: grace_claim
WITH org AS MATERIALIZED (
  SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE id = ANY ($1::bigint[])
)
SELECT due.* FROM org CROSS JOIN LATERAL (
  SELECT x.org_id, x.id, x.subscription_id, x.customer_id, x.policy, x.id AS key, x.grace_at AS due_at FROM payments.dunning_case x
   WHERE x.org_id = org.id AND x.grace_at <= org.now AND ($3::text[] IS NULL OR x.id = ANY ($3))
   ORDER BY x.grace_at, x.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
 ORDER BY due.due_at, due.key LIMIT $2

-- name: grace_set_due
UPDATE payments.dunning_case x SET grace_at = $3 WHERE x.org_id = $1 AND x.id = $2

-- name: grace_next
SELECT min(x.grace_at) FROM payments.dunning_case x WHERE x.org_id = $1 AND x.grace_at IS NOT NULL

-- name: method_find
SELECT DISTINCT due.org_id FROM (
  (SELECT x.org_id FROM payments.method x JOIN directory.org o ON o.id = x.org_id AND o.mode = 'live'
    WHERE x.due_at <= (SELECT directory.now_at(NULL, 0)) ORDER BY x.due_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM (SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE mode = 'sandbox' OFFSET 0) o
   WHERE EXISTS (SELECT FROM payments.method x WHERE x.org_id = o.id AND x.due_at <= o.now)
) due

-- name: method_claim
WITH org AS MATERIALIZED (
  SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE id = ANY ($1::bigint[])
)
SELECT due.* FROM org CROSS JOIN LATERAL (
  SELECT x.*, x.id AS key FROM payments.method x
   WHERE x.org_id = org.id AND x.due_at <= org.now AND ($3::text[] IS NULL OR x.id = ANY ($3))
   ORDER BY x.due_at, x.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
 ORDER BY due.due_at, due.key LIMIT $2

-- name: method_set_due
UPDATE payments.method x SET due_at = $3 WHERE x.org_id = $1 AND x.id = $2

-- name: method_next
SELECT min(x.due_at) FROM payments.method x WHERE x.org_id = $1 AND x.due_at IS NOT NULL

-- name: retry_due
SELECT x.due_at FROM payments.dunning_case x WHERE x.org_id = $1 AND x.id = $2 AND x.state = 'open' FOR NO KEY UPDATE

-- name: grace_due
SELECT x.grace_at AS due_at FROM payments.dunning_case x WHERE x.org_id = $1 AND x.id = $2 AND x.state = 'open' FOR NO KEY UPDATE
