-- name: set_daily
INSERT INTO reconciliation.daily (org_id, channel_id, hour, due_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (org_id, channel_id) DO UPDATE SET hour = excluded.hour, due_at = excluded.due_at

-- name: begin_daily
INSERT INTO reconciliation.daily (org_id, channel_id, hour, due_at) SELECT $1, c, $3, $4 FROM unnest($2::text[]) c ON CONFLICT DO NOTHING

-- name: dailies
SELECT channel_id, hour, due_at FROM reconciliation.daily WHERE org_id = $1 ORDER BY channel_id

-- name: find_due
SELECT DISTINCT due.org_id FROM (
  (SELECT d.org_id FROM reconciliation.daily d JOIN directory.org o ON o.id = d.org_id AND o.mode = 'live'
    WHERE d.due_at <= (SELECT directory.now_at(NULL, 0)) ORDER BY d.due_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM directory.org o WHERE o.mode = 'sandbox'
     AND (SELECT min(d.due_at) FROM reconciliation.daily d WHERE d.org_id = o.id AND d.due_at IS NOT NULL)
         <= directory.now_at(o.clock_frozen_at, o.clock_offset_seconds)
) due

-- name: claim_due
WITH org AS (
  SELECT o.id, directory.now_at(o.clock_frozen_at, o.clock_offset_seconds) AS now FROM directory.org o WHERE o.id = ANY ($1::bigint[])
)
SELECT due.* FROM org CROSS JOIN LATERAL (
    SELECT d.org_id, d.channel_id AS key, d.due_at, d.hour FROM reconciliation.daily d
     WHERE d.org_id = org.id AND d.due_at <= org.now AND ($3::text[] IS NULL OR d.channel_id = ANY ($3))
     ORDER BY d.due_at LIMIT $2 FOR UPDATE SKIP LOCKED) due
 LIMIT $2

-- name: set_due
UPDATE reconciliation.daily SET due_at = $3 WHERE org_id = $1 AND channel_id = $2

-- name: next_due
SELECT min(due_at) FROM reconciliation.daily WHERE org_id = $1 AND due_at IS NOT NULL

-- name: move_due
UPDATE reconciliation.daily d SET due_at = m.due_at FROM unnest($2::text[], $3::timestamptz[]) m(channel_id, due_at)
 WHERE d.org_id = $1 AND d.channel_id = m.channel_id
