-- name: put_steps
-- A step that went out, or was decided on, stays as it is; one that waits is moved only by an event that may.
INSERT INTO outreach.step AS s (org_id, customer_id, campaign, step, period, subscription_id, position, planned_at, due_at, data, created_at)
SELECT $1, v.customer_id, v.campaign, v.step, v.period, v.subscription_id, v.position, v.planned_at, v.due_at, v.data, $11
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::timestamptz[], $9::timestamptz[], $10::jsonb[])
       v(customer_id, campaign, step, period, subscription_id, position, planned_at, due_at, data)
ON CONFLICT (org_id, customer_id, campaign, step, period) DO UPDATE
   SET planned_at = excluded.planned_at, due_at = excluded.due_at, data = s.data || excluded.data
 WHERE s.state = 'waiting' AND excluded.data ->> 'moves' = 'true'

-- name: hasten_steps
UPDATE outreach.step s SET due_at = least(s.due_at, v.at), data = s.data || v.data
  FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::jsonb[]) v(customer_id, campaign, step, at, data)
 WHERE s.org_id = $1 AND s.customer_id = v.customer_id AND s.campaign = v.campaign AND s.step = v.step AND s.state = 'waiting'

-- name: near_steps
-- Waiting steps of the same campaigns and periods that fall into the time behind the given ones, and come after them.
SELECT v.n, s.step
  FROM unnest($2::text[], $3::text[], $4::text[], $5::smallint[], $6::timestamptz[], $7::timestamptz[])
       WITH ORDINALITY v(customer_id, campaign, subscription_id, position, planned_at, until, n)
  JOIN outreach.step s ON s.org_id = $1 AND s.customer_id = v.customer_id AND s.campaign = v.campaign AND s.subscription_id = v.subscription_id
   AND s.state = 'waiting' AND s.due_at < v.until AND s.planned_at > v.planned_at AND s.position > v.position
 ORDER BY v.n, s.position

-- name: settle_steps
UPDATE outreach.step s SET state = v.state, reason = v.reason, message_id = v.message_id, due_at = NULL
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) v(customer_id, campaign, step, period, state, reason, message_id)
 WHERE s.org_id = $1 AND s.customer_id = v.customer_id AND s.campaign = v.campaign AND s.step = v.step AND s.period = v.period

-- name: postpone_steps
UPDATE outreach.step s SET state = 'waiting', reason = v.reason, due_at = v.due_at, message_id = NULL
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[]) v(customer_id, campaign, step, period, due_at, reason)
 WHERE s.org_id = $1 AND s.customer_id = v.customer_id AND s.campaign = v.campaign AND s.step = v.step AND s.period = v.period

-- name: step_of
SELECT * FROM outreach.step WHERE org_id = $1 AND customer_id = $2 AND campaign = $3 AND step = $4 AND period = $5 FOR NO KEY UPDATE

-- name: steps_of_customer
SELECT * FROM outreach.step WHERE org_id = $1 AND customer_id = $2 ORDER BY planned_at, campaign, position

-- name: campaigns
SELECT key, enabled, content, version, changed_at FROM outreach.campaign WHERE org_id = $1 ORDER BY key

-- name: put_campaign
INSERT INTO outreach.campaign AS c (org_id, key, enabled, content, changed_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (org_id, key) DO UPDATE SET enabled = excluded.enabled, content = excluded.content, changed_at = excluded.changed_at, version = c.version + 1

-- name: drop_campaign
DELETE FROM outreach.campaign WHERE org_id = $1 AND key = $2

-- name: stop_campaign
UPDATE outreach.step SET state = 'stopped', reason = 'campaign_off', due_at = NULL WHERE org_id = $1 AND campaign = $2 AND state = 'waiting'
