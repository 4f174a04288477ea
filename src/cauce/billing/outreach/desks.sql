-- name: contact
SELECT ref, company_ref, tag, state FROM outreach.contact WHERE org_id = $1 AND channel_id = $2 AND customer_id = $3

-- name: put_contact
INSERT INTO outreach.contact (org_id, channel_id, customer_id, ref, company_ref, tag, state, told_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (org_id, channel_id, customer_id) DO UPDATE
   SET ref = excluded.ref, company_ref = excluded.company_ref, tag = excluded.tag, state = excluded.state, told_at = excluded.told_at

-- name: customer_of_ref
SELECT customer_id FROM outreach.contact WHERE org_id = $1 AND channel_id = $2 AND ref = $3 AND ref <> ''

-- name: set_contact_state
UPDATE outreach.contact SET state = $4, ref = CASE WHEN $4 = 'linked' THEN ref ELSE '' END WHERE org_id = $1 AND channel_id = $2 AND customer_id = $3

-- name: start_channel
DELETE FROM outreach.stopped WHERE org_id = $1 AND channel_id = $2

-- name: stopped_channels
SELECT channel_id, reason, stopped_at FROM outreach.stopped WHERE org_id = $1 ORDER BY channel_id
