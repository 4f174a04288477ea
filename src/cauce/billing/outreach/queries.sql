-- name: insert_messages
INSERT INTO outreach.message (org_id, id, customer_id, subject_id, campaign, step, period, audience, category, template, channel,
                              to_address, to_name, locale, data, subject, body_text, body_html, state, reason, created_at, settled_at)
SELECT $1, m.*, $21, CASE WHEN m.state = 'suppressed' THEN $21::timestamptz END
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
              $12::text[], $13::text[], $14::text[], $15::jsonb[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[])
       m(id, customer_id, subject_id, campaign, step, period, audience, category, template, channel, to_address, to_name, locale, data, subject,
         body_text, body_html, state, reason)
ON CONFLICT DO NOTHING
RETURNING id

-- name: lock_message
SELECT * FROM outreach.message WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE

-- name: message
SELECT * FROM outreach.message WHERE org_id = $1 AND id = $2

-- name: messages
SELECT * FROM outreach.message
 WHERE org_id = $1 AND ($2::text = '' OR customer_id = $2) AND ($3::text = '' OR campaign = $3) AND ($4::text = '' OR state = $4)
   AND ($5::text = '' OR id < $5)
 ORDER BY id DESC LIMIT $6

-- name: set_message
UPDATE outreach.message SET state = $3, reason = $4, ref = $5, channel = coalesce($6, channel), channel_id = coalesce($7, channel_id), settled_at = $8
 WHERE org_id = $1 AND id = $2

-- name: put_hold
-- A hold is only ever prolonged.
INSERT INTO outreach.hold (org_id, customer_id, held_until, reason) VALUES ($1, $2, $3, $4)
ON CONFLICT (org_id, customer_id) DO UPDATE SET held_until = excluded.held_until, reason = excluded.reason
 WHERE outreach.hold.held_until < excluded.held_until

-- name: drop_hold
DELETE FROM outreach.hold WHERE org_id = $1 AND customer_id = $2

-- name: standings
SELECT c.id AS customer_id, h.held_until,
       array_agg(k.category) FILTER (WHERE NOT k.granted) AS refused, array_agg(k.category) FILTER (WHERE k.granted) AS granted
  FROM unnest($2::text[]) c(id)
  LEFT JOIN outreach.hold h ON h.org_id = $1 AND h.customer_id = c.id
  LEFT JOIN outreach.consent k ON k.org_id = $1 AND k.customer_id = c.id
 GROUP BY c.id, h.held_until

-- name: put_consent
INSERT INTO outreach.consent (org_id, customer_id, category, granted, source, changed_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (org_id, customer_id, category) DO UPDATE SET granted = excluded.granted, source = excluded.source, changed_at = excluded.changed_at
 WHERE outreach.consent.granted <> excluded.granted
RETURNING granted

-- name: consents
SELECT category, granted, source, changed_at FROM outreach.consent WHERE org_id = $1 AND customer_id = $2 ORDER BY category

-- name: put_bounce
INSERT INTO outreach.bounce (org_id, address, reason, bounced_at) VALUES ($1, $2, $3, $4) ON CONFLICT (org_id, address) DO NOTHING
RETURNING address

-- name: bounce_of
SELECT address, reason, bounced_at FROM outreach.bounce WHERE org_id = $1 AND address = $2

-- name: drop_bounce
DELETE FROM outreach.bounce WHERE org_id = $1 AND address = $2

-- name: bounced
SELECT address FROM outreach.bounce WHERE org_id = $1 AND address = ANY ($2::text[])

-- name: templates
SELECT key, locale, subject, body, changed_at FROM outreach.template WHERE org_id = $1 AND ($2::text[] IS NULL OR key = ANY ($2)) ORDER BY key, locale

-- name: stop_channel
INSERT INTO outreach.stopped (org_id, channel_id, reason, stopped_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING

-- name: forget_recipient
UPDATE outreach.message SET to_address = '', to_name = '', subject = '', body_text = '', body_html = '', data = '{}',
       state = CASE WHEN state = 'queued' THEN 'suppressed' ELSE state END, reason = CASE WHEN state = 'queued' THEN 'erased' ELSE reason END
 WHERE org_id = $1 AND customer_id = $2
