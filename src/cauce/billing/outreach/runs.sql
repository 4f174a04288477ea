-- name: automations
SELECT id, name, enabled, content, created_at, changed_at FROM outreach.automation WHERE org_id = $1 AND ($2::text = '' OR id = $2) ORDER BY id

-- name: put_automation
INSERT INTO outreach.automation (org_id, id, name, enabled, content, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (org_id, id) DO UPDATE SET name = excluded.name, enabled = excluded.enabled, content = excluded.content, changed_at = excluded.changed_at

-- name: drop_automation
DELETE FROM outreach.automation WHERE org_id = $1 AND id = $2

-- name: begin_runs
-- Each automation and event once; a customer who started the same one too often of late is skipped visibly.
INSERT INTO outreach.run (org_id, automation_id, event_id, customer_id, state, log, created_at)
SELECT $1, v.automation_id, v.event_id, v.customer_id, CASE WHEN r.runs >= $6 THEN 'skipped' ELSE 'waiting' END,
       CASE WHEN r.runs >= $6 THEN '["loop guard: too many runs for this customer"]'::jsonb ELSE '[]' END, $5
  FROM unnest($2::text[], $3::text[], $4::text[]) v(automation_id, event_id, customer_id)
  CROSS JOIN LATERAL (SELECT count(*) AS runs FROM outreach.run r
    WHERE r.org_id = $1 AND r.customer_id = v.customer_id AND r.automation_id = v.automation_id AND r.created_at > $7) r
ON CONFLICT DO NOTHING
RETURNING automation_id, event_id, customer_id, state

-- name: lock_run
SELECT automation_id, event_id, customer_id, state, done, log FROM outreach.run WHERE org_id = $1 AND automation_id = $2 AND event_id = $3 FOR NO KEY UPDATE

-- name: note_run
UPDATE outreach.run SET state = $4, done = $5, log = log || $6::jsonb WHERE org_id = $1 AND automation_id = $2 AND event_id = $3

-- name: runs
SELECT automation_id, event_id, customer_id, state, done, log, created_at FROM outreach.run
 WHERE org_id = $1 AND automation_id = $2 ORDER BY created_at DESC, event_id DESC LIMIT $3
