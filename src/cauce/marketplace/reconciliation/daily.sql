-- name: set_daily
INSERT INTO reconciliation.daily (org_id, channel_id, hour, due_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (org_id, channel_id) DO UPDATE SET hour = excluded.hour, due_at = excluded.due_at

-- name: begin_daily
INSERT INTO reconciliation.daily (org_id, channel_id, hour, due_at) SELECT $1, c, $3, $4 FROM unnest($2::text[]) c ON CONFLICT DO NOTHING

-- name: dailies
SELECT channel_id, hour, due_at FROM reconciliation.daily WHERE org_id = $1 ORDER BY channel_id

-- name: move_due
UPDATE reconciliation.daily d SET due_at = m.due_at FROM unnest($2::text[], $3::timestamptz[]) m(channel_id, due_at)
 WHERE d.org_id = $1 AND d.channel_id = m.channel_id

-- name: parked_after
SELECT parked_after FROM reconciliation.daily WHERE org_id = $1 AND channel_id = $2

-- name: set_parked_after
UPDATE reconciliation.daily SET parked_after = $3 WHERE org_id = $1 AND channel_id = $2
