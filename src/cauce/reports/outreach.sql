-- name: facts
-- What is known of customers, each with the subscription that is meant ('': the one that matters most now).
SELECT k.n, c.id AS customer, c.external_id, c.name, c.email, c.locale, c.timezone, c.country, c.created_at, c.suspended_at IS NOT NULL AS suspended, c.erased_at IS NOT NULL AS erased,
       s.id AS subscription, s.term, s.status, s.currency, s.mrr_minor, s.collection, s.trial_start AS trial_end_since, s.trial_end, s.period_end, s.period_index,
       s.interval_unit, s.cancel_at_period_end, s.cancel_reason, s.pause_reason, s.ended_at,
       p.key AS plan, p.name AS plan_name, p.policy ->> 'trial_end' AS trial_end_policy, pr.id AS product, pr.name AS product_name,
       coalesce(m.has_method, false) AS has_method, coalesce(m.newest > d.started_at, false) AS method_is_new,
       d.refusal, coalesce(a.level, 'none') AS access, coalesce(o.any_live, false) AS any_live, coalesce(o.other_live, false) AS other_live,
       coalesce(i.owed_minor, 0) > 0 AS owes, coalesce(i.owed_minor, 0)::bigint AS owed_minor, i.number AS open_number, i.id AS open_invoice,
       coalesce(e.names, '{}') AS events, (e.names IS NOT NULL OR EXISTS (
         SELECT FROM usage.rollup r WHERE r.org_id = $1 AND r.subscription_id = s.id)) AS used,
       coalesce(g.goals, '[]') AS goals, t.last_payment_at, t.last_payment_status, coalesce(n.redirect_url, '') AS instance_link,
       EXISTS (SELECT FROM payments.payment y WHERE y.org_id = $1 AND y.customer_id = c.id AND y.disputed) AS dispute_open
  FROM unnest($2::text[], $3::text[]) WITH ORDINALITY k(customer_id, subscription_id, n)
  JOIN customers.customer c ON c.org_id = $1 AND c.id = k.customer_id
  LEFT JOIN LATERAL (
    SELECT * FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.customer_id = c.id AND (k.subscription_id = '' OR s.id = k.subscription_id)
     ORDER BY s.status IN ('trialing', 'active', 'past_due') DESC, s.status IN ('unpaid', 'paused', 'incomplete') DESC, s.id DESC LIMIT 1) s ON true
  LEFT JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
  LEFT JOIN catalog.product pr ON pr.org_id = $1 AND pr.id = s.product_id
  LEFT JOIN LATERAL (
    SELECT bool_or(m.usable) AS has_method, max(m.created_at) FILTER (WHERE m.usable) AS newest FROM payments.method m
     WHERE m.org_id = $1 AND m.customer_id = c.id AND m.removed_at IS NULL) m ON true
  LEFT JOIN LATERAL (
    SELECT d.started_at, d.refusal FROM payments.dunning_case d WHERE d.org_id = $1 AND d.subscription_id = s.id ORDER BY d.started_at DESC LIMIT 1) d ON true
  LEFT JOIN entitlements.access a ON a.org_id = $1 AND a.subscription_id = s.id
  LEFT JOIN LATERAL (
    SELECT true AS any_live, bool_or(l.id <> s.id) AS other_live FROM subscriptions.subscription l
     WHERE l.org_id = $1 AND l.customer_id = c.id AND l.status IN ('trialing', 'active', 'past_due') HAVING count(*) > 0) o ON true
  LEFT JOIN LATERAL (
    SELECT sum(i.total_minor - i.credit_minor - i.paid_minor - i.credited_minor - i.lost_minor) AS owed_minor, max(i.number) AS number, max(i.id) AS id
      FROM invoicing.invoice i WHERE i.org_id = $1 AND i.customer_id = c.id AND i.subscription_id = s.id AND i.status = 'open') i ON true
  LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT e.name) AS names FROM outreach.product_event e WHERE e.org_id = $1 AND e.customer_id = c.id) e ON true
  LEFT JOIN LATERAL (
    SELECT t.created_at AS last_payment_at, t.state AS last_payment_status
      FROM invoicing.invoice v JOIN payments.attempt t ON t.org_id = $1 AND t.invoice_id = v.id
     WHERE v.org_id = $1 AND v.customer_id = c.id ORDER BY t.id DESC LIMIT 1) t ON true
  LEFT JOIN provisioning.instance n ON n.org_id = $1 AND n.subscription_id = s.id AND n.state = 'ready'
  LEFT JOIN outreach.goals g ON g.org_id = $1 AND g.plan_key = p.key
 ORDER BY k.n

-- name: customers_by_external_id
SELECT external_id, id FROM customers.customer WHERE org_id = $1 AND external_id = ANY ($2::text[])

-- name: customer_names
SELECT id, coalesce(nullif(name, ''), external_id) AS name FROM customers.customer WHERE org_id = $1 AND id = ANY ($2::text[])

-- name: events_since
-- The events of some types in a stretch of the past, oldest first: what a dry run looks at.
SELECT e.* FROM (
  SELECT id, public_id, type, object_id, customer_id, sequence, data, previous, actor, cause, occurred_at FROM storage.event
   WHERE org_id = $1 AND type = ANY ($2::text[]) AND occurred_at >= $3 AND customer_id IS NOT NULL ORDER BY id DESC LIMIT $4) e
 ORDER BY e.id

-- name: campaign_statistics
SELECT s.step, s.state, CASE WHEN s.state IN ('skipped', 'stopped') THEN s.reason ELSE '' END AS reason, count(*) AS steps,
       count(*) FILTER (WHERE m.state = 'sent') AS sent, count(*) FILTER (WHERE m.state = 'bounced') AS bounced,
       count(*) FILTER (WHERE m.state = 'suppressed') AS suppressed, count(*) FILTER (WHERE m.state IN ('unknown', 'failed')) AS unsure
  FROM outreach.step s LEFT JOIN outreach.message m ON m.org_id = $1 AND m.id = s.message_id
 WHERE s.org_id = $1 AND s.campaign = $2
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3

-- name: automation_statistics
SELECT automation_id, count(*) FILTER (WHERE state = 'completed') AS completed, count(*) FILTER (WHERE state = 'failed') AS failed,
       count(*) FILTER (WHERE state = 'skipped') AS skipped, count(*) FILTER (WHERE state = 'waiting') AS waiting, max(created_at) AS last_at
  FROM outreach.run WHERE org_id = $1 AND created_at >= $2 GROUP BY automation_id

-- name: campaign_totals
SELECT campaign, count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'queued') AS sent,
       count(*) FILTER (WHERE state IN ('skipped', 'stopped')) AS held_back
  FROM outreach.step WHERE org_id = $1 GROUP BY campaign
