-- name: collect_find
SELECT DISTINCT due.org_id FROM (
  (SELECT x.org_id FROM invoicing.invoice x JOIN directory.org o ON o.id = x.org_id AND o.mode = 'live'
    WHERE x.due_at <= (SELECT directory.now_at(NULL, 0)) ORDER BY x.due_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM (SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE mode = 'sandbox' OFFSET 0) o
   WHERE EXISTS (SELECT FROM invoicing.invoice x WHERE x.org_id = o.id AND x.due_at <= o.now)
) due

-- name: collect_claim
WITH org AS MATERIALIZED (
  SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE id = ANY ($1::bigint[])
)
SELECT due.* FROM org CROSS JOIN LATERAL (
  SELECT x.*, x.id AS key FROM invoicing.invoice x
   WHERE x.org_id = org.id AND x.due_at <= org.now AND ($3::text[] IS NULL OR x.id = ANY ($3))
   ORDER BY x.due_at, x.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
 ORDER BY due.due_at, due.key LIMIT $2

-- name: collect_set_due
UPDATE invoicing.invoice x SET due_at = $3 WHERE x.org_id = $1 AND x.id = $2

-- name: collect_next
SELECT min(x.due_at) FROM invoicing.invoice x WHERE x.org_id = $1 AND x.due_at IS NOT NULL

-- name: collect_due
SELECT x.due_at FROM invoicing.invoice x WHERE x.org_id = $1 AND x.id = $2 AND x.status = 'open' FOR NO KEY UPDATE
