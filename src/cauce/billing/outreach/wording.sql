-- name: put_template
INSERT INTO outreach.template (org_id, key, locale, subject, body, changed_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (org_id, key, locale) DO UPDATE SET subject = excluded.subject, body = excluded.body, changed_at = excluded.changed_at

-- name: drop_template
DELETE FROM outreach.template WHERE org_id = $1 AND key = $2 AND locale = $3
