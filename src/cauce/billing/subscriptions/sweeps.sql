-- name: renew_find
SELECT DISTINCT due.org_id FROM (
  (SELECT x.org_id FROM subscriptions.subscription x JOIN directory.org o ON o.id = x.org_id AND o.mode = 'live'
    WHERE x.due_at <= (SELECT directory.now_at(NULL, 0)) AND x.due_kind = 'renew' ORDER BY x.due_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM (SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE mode = 'sandbox' OFFSET 0) o
   WHERE EXISTS (SELECT FROM subscriptions.subscription x WHERE x.org_id = o.id AND x.due_at <= o.now AND x.due_kind = 'renew')
) due

-- name: renew_claim
-- In order of time, or by these keys: then without a look at all the others that are due.
WITH org AS MATERIALIZED (
  SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE id = ANY ($1::bigint[])
), by_time AS (
  SELECT due.* FROM org CROSS JOIN LATERAL (
    SELECT x.*, x.id AS key FROM subscriptions.subscription x
     WHERE $3::text[] IS NULL AND x.org_id = org.id AND x.due_at <= org.now AND x.due_kind = 'renew'
     ORDER BY x.due_at, x.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
   ORDER BY due.due_at, due.key LIMIT $2
), by_key AS (
  SELECT due.* FROM org CROSS JOIN LATERAL (
    SELECT x.*, x.id AS key FROM subscriptions.subscription x
     WHERE x.org_id = org.id AND x.id = ANY ($3) AND x.due_at <= org.now AND x.due_kind = 'renew'
     ORDER BY x.id FOR NO KEY UPDATE SKIP LOCKED) due
   LIMIT $2
)
SELECT * FROM by_time UNION ALL SELECT * FROM by_key ORDER BY due_at, key

-- name: renew_set_due
UPDATE subscriptions.subscription x SET due_at = $3 WHERE x.org_id = $1 AND x.id = $2

-- name: renew_next
SELECT min(x.due_at) FROM subscriptions.subscription x WHERE x.org_id = $1 AND x.due_at IS NOT NULL AND x.due_kind = 'renew'

-- name: trial_end_find
SELECT DISTINCT due.org_id FROM (
  (SELECT x.org_id FROM subscriptions.subscription x JOIN directory.org o ON o.id = x.org_id AND o.mode = 'live'
    WHERE x.due_at <= (SELECT directory.now_at(NULL, 0)) AND x.due_kind = 'trial_end' ORDER BY x.due_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM (SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE mode = 'sandbox' OFFSET 0) o
   WHERE EXISTS (SELECT FROM subscriptions.subscription x WHERE x.org_id = o.id AND x.due_at <= o.now AND x.due_kind = 'trial_end')
) due

-- name: trial_end_claim
-- In order of time, or by these keys: then without a look at all the others that are due.
WITH org AS MATERIALIZED (
  SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE id = ANY ($1::bigint[])
), by_time AS (
  SELECT due.* FROM org CROSS JOIN LATERAL (
    SELECT x.*, x.id AS key FROM subscriptions.subscription x
     WHERE $3::text[] IS NULL AND x.org_id = org.id AND x.due_at <= org.now AND x.due_kind = 'trial_end'
     ORDER BY x.due_at, x.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
   ORDER BY due.due_at, due.key LIMIT $2
), by_key AS (
  SELECT due.* FROM org CROSS JOIN LATERAL (
    SELECT x.*, x.id AS key FROM subscriptions.subscription x
     WHERE x.org_id = org.id AND x.id = ANY ($3) AND x.due_at <= org.now AND x.due_kind = 'trial_end'
     ORDER BY x.id FOR NO KEY UPDATE SKIP LOCKED) due
   LIMIT $2
)
SELECT * FROM by_time UNION ALL SELECT * FROM by_key ORDER BY due_at, key

-- name: trial_end_set_due
UPDATE subscriptions.subscription x SET due_at = $3 WHERE x.org_id = $1 AND x.id = $2

-- name: trial_end_next
SELECT min(x.due_at) FROM subscriptions.subscription x WHERE x.org_id = $1 AND x.due_at IS NOT NULL AND x.due_kind = 'trial_end'

-- name: lapse_find
SELECT DISTINCT due.org_id FROM (
  (SELECT x.org_id FROM subscriptions.subscription x JOIN directory.org o ON o.id = x.org_id AND o.mode = 'live'
    WHERE x.due_at <= (SELECT directory.now_at(NULL, 0)) AND x.due_kind IN ('quote_end', 'incomplete_end', 'unpaid_end', 'retention_end') ORDER BY x.due_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM (SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE mode = 'sandbox' OFFSET 0) o
   WHERE EXISTS (SELECT FROM subscriptions.subscription x WHERE x.org_id = o.id AND x.due_at <= o.now AND x.due_kind IN ('quote_end', 'incomplete_end', 'unpaid_end', 'retention_end'))
) due

-- name: lapse_claim
WITH org AS MATERIALIZED (
  SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE id = ANY ($1::bigint[])
)
SELECT due.* FROM org CROSS JOIN LATERAL (
  SELECT x.*, x.id AS key FROM subscriptions.subscription x
   WHERE x.org_id = org.id AND x.due_at <= org.now AND x.due_kind IN ('quote_end', 'incomplete_end', 'unpaid_end', 'retention_end') AND ($3::text[] IS NULL OR x.id = ANY ($3))
   ORDER BY x.due_at, x.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
 ORDER BY due.due_at, due.key LIMIT $2

-- name: lapse_set_due
UPDATE subscriptions.subscription x SET due_at = $3 WHERE x.org_id = $1 AND x.id = $2

-- name: lapse_next
SELECT min(x.due_at) FROM subscriptions.subscription x WHERE x.org_id = $1 AND x.due_at IS NOT NULL AND x.due_kind IN ('quote_end', 'incomplete_end', 'unpaid_end', 'retention_end')

-- name: resume_find
SELECT DISTINCT due.org_id FROM (
  (SELECT x.org_id FROM subscriptions.subscription x JOIN directory.org o ON o.id = x.org_id AND o.mode = 'live'
    WHERE x.due_at <= (SELECT directory.now_at(NULL, 0)) AND x.due_kind = 'resume' ORDER BY x.due_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM (SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE mode = 'sandbox' OFFSET 0) o
   WHERE EXISTS (SELECT FROM subscriptions.subscription x WHERE x.org_id = o.id AND x.due_at <= o.now AND x.due_kind = 'resume')
) due

-- name: resume_claim
WITH org AS MATERIALIZED (
  SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE id = ANY ($1::bigint[])
)
SELECT due.* FROM org CROSS JOIN LATERAL (
  SELECT x.*, x.id AS key FROM subscriptions.subscription x
   WHERE x.org_id = org.id AND x.due_at <= org.now AND x.due_kind = 'resume' AND ($3::text[] IS NULL OR x.id = ANY ($3))
   ORDER BY x.due_at, x.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
 ORDER BY due.due_at, due.key LIMIT $2

-- name: resume_set_due
UPDATE subscriptions.subscription x SET due_at = $3 WHERE x.org_id = $1 AND x.id = $2

-- name: resume_next
SELECT min(x.due_at) FROM subscriptions.subscription x WHERE x.org_id = $1 AND x.due_at IS NOT NULL AND x.due_kind = 'resume'

-- name: timer_find
SELECT DISTINCT due.org_id FROM (
  (SELECT x.org_id FROM subscriptions.timer x JOIN directory.org o ON o.id = x.org_id AND o.mode = 'live'
    WHERE x.due_at <= (SELECT directory.now_at(NULL, 0)) ORDER BY x.due_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM (SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE mode = 'sandbox' OFFSET 0) o
   WHERE EXISTS (SELECT FROM subscriptions.timer x WHERE x.org_id = o.id AND x.due_at <= o.now)
) due

-- name: timer_claim
WITH org AS MATERIALIZED (
  SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE id = ANY ($1::bigint[])
)
SELECT due.* FROM org CROSS JOIN LATERAL (
  SELECT x.*, x.subscription_id || '/' || x.kind AS key FROM subscriptions.timer x
   WHERE x.org_id = org.id AND x.due_at <= org.now AND ($3::text[] IS NULL OR x.subscription_id || '/' || x.kind = ANY ($3))
   ORDER BY x.due_at, x.subscription_id || '/' || x.kind LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
 ORDER BY due.due_at, due.key LIMIT $2

-- name: timer_set_due
UPDATE subscriptions.timer x SET due_at = $3 WHERE x.org_id = $1 AND x.subscription_id || '/' || x.kind = $2

-- name: timer_next
SELECT min(x.due_at) FROM subscriptions.timer x WHERE x.org_id = $1 AND x.due_at IS NOT NULL

-- name: renew_due
SELECT x.due_at FROM subscriptions.subscription x WHERE x.org_id = $1 AND x.id = $2 AND x.due_kind = 'renew' FOR NO KEY UPDATE

-- name: trial_end_due
SELECT x.due_at FROM subscriptions.subscription x WHERE x.org_id = $1 AND x.id = $2 AND x.due_kind = 'trial_end' FOR NO KEY UPDATE

-- name: lapse_due
SELECT x.due_at FROM subscriptions.subscription x WHERE x.org_id = $1 AND x.id = $2 AND x.due_kind IN ('quote_end', 'incomplete_end', 'unpaid_end', 'retention_end') FOR NO KEY UPDATE

-- name: resume_due
SELECT x.due_at FROM subscriptions.subscription x WHERE x.org_id = $1 AND x.id = $2 AND x.due_kind = 'resume' FOR NO KEY UPDATE

-- name: timer_due
SELECT x.due_at FROM subscriptions.timer x WHERE x.org_id = $1 AND x.subscription_id || '/' || x.kind = $2 FOR NO KEY UPDATE

-- name: change_find
SELECT DISTINCT due.org_id FROM (
  (SELECT x.org_id FROM subscriptions.change x JOIN directory.org o ON o.id = x.org_id AND o.mode = 'live'
    WHERE x.due_at <= (SELECT directory.now_at(NULL, 0)) ORDER BY x.due_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM (SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE mode = 'sandbox' OFFSET 0) o
   WHERE EXISTS (SELECT FROM subscriptions.change x WHERE x.org_id = o.id AND x.due_at <= o.now)
) due

-- name: change_claim
WITH org AS MATERIALIZED (
  SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE id = ANY ($1::bigint[])
)
SELECT due.* FROM org CROSS JOIN LATERAL (
  SELECT x.*, x.id AS key FROM subscriptions.change x
   WHERE x.org_id = org.id AND x.due_at <= org.now AND ($3::text[] IS NULL OR x.id = ANY ($3))
   ORDER BY x.due_at, x.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
 ORDER BY due.due_at, due.key LIMIT $2

-- name: change_set_due
UPDATE subscriptions.change x SET due_at = $3 WHERE x.org_id = $1 AND x.id = $2

-- name: change_next
SELECT min(x.due_at) FROM subscriptions.change x WHERE x.org_id = $1 AND x.due_at IS NOT NULL
