-- name: subscription_page
SELECT s.id, s.customer_id, c.name AS customer, c.external_id, p.name AS plan, p.version, s.status, s.currency, s.mrr_minor, s.period_end, s.trial_end,
       s.cancel_at_period_end, s.created_at
  FROM subscriptions.subscription s
  JOIN customers.customer c ON c.org_id = $1 AND c.id = s.customer_id
  JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
 WHERE s.org_id = $1 AND ($2::text = '' OR s.id < $2) AND ($3::text = '' OR s.status = $3) AND ($4::text = '' OR p.key = $4)
   AND ($5::text = '' OR s.customer_id = $5)
 ORDER BY s.id DESC LIMIT $6

-- name: subscription_one
SELECT s.id, s.customer_id, c.name AS customer, c.external_id, s.plan_id, p.name AS plan, p.key AS plan_key, p.version, s.status, s.currency, s.timezone, s.mrr_minor,
       s.period_start, s.period_end, s.trial_start, s.trial_end, s.collection, s.net_days, s.interval_unit, s.interval_count, s.cancel_at_period_end,
       s.cancellation, s.cancel_reason, s.pause_reason, s.resume_at, s.term, s.created_at, s.ended_at, a.level
  FROM subscriptions.subscription s
  JOIN customers.customer c ON c.org_id = $1 AND c.id = s.customer_id
  JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
  LEFT JOIN entitlements.access a ON a.org_id = $1 AND a.subscription_id = s.id
 WHERE s.org_id = $1 AND s.id = $2

-- name: subscription_items
SELECT i.id, i.quantity, i.options, i.created_at, i.phases_from, r.key, r.nickname, r.kind, r.model, r.phases, r.interval_unit, r.interval_count
  FROM subscriptions.item i JOIN catalog.price r ON r.org_id = $1 AND r.id = i.price_id
 WHERE i.org_id = $1 AND i.subscription_id = $2 AND i.removed_at IS NULL ORDER BY i.created_at, i.id

-- name: subscription_history
SELECT at, trigger, source, target, actor, reason, currency, mrr_before_minor, mrr_after_minor
  FROM subscriptions.history WHERE org_id = $1 AND subscription_id = $2 ORDER BY id DESC LIMIT $3

-- name: waiting_changes
-- What will change, and when: at the end of the period, on a day, or once an invoice is paid.
SELECT w.id, w.subscription_id, w.state, w.content, w.at_period_end, w.due_at, CASE WHEN w.at_period_end THEN s.period_end ELSE (w.due_at AT TIME ZONE s.timezone)::date END AS due_on, w.invoice_id, w.created_at,
       (SELECT p.name FROM catalog.plan p WHERE p.org_id = $1 AND p.key = w.content ->> 'plan' ORDER BY p.version DESC LIMIT 1) AS plan
  FROM subscriptions.change w JOIN subscriptions.subscription s ON s.org_id = $1 AND s.id = w.subscription_id
 WHERE w.org_id = $1 AND w.subscription_id = ANY ($2::text[]) AND w.state IN ('scheduled', 'awaiting') ORDER BY w.id

-- name: plan_keys
SELECT DISTINCT ON (key) key, name FROM catalog.plan WHERE org_id = $1 ORDER BY key, version DESC

-- name: plans_on_sale
SELECT DISTINCT ON (p.key) p.id, p.key, p.name, p.trial_days, p.features, p.options, (p.policy->>'force_card')::boolean IS TRUE AS force_card, p.state, d.name AS product, d.description, d.category
  FROM catalog.plan p JOIN catalog.product d ON d.org_id = $1 AND d.id = p.product_id AND d.archived_at IS NULL
 WHERE p.org_id = $1 ORDER BY p.key, p.version DESC

-- name: prices_on_sale
SELECT id, plan_id, key, nickname, kind, role, currency, interval_unit, interval_count, model, phases FROM catalog.price
 WHERE org_id = $1 AND plan_id = ANY ($2::text[]) AND archived_at IS NULL ORDER BY created_at, id

-- name: of_older_versions
-- Subscriptions of a plan's other versions whose contract has not ended, in order of id.
SELECT s.id FROM catalog.plan p JOIN subscriptions.subscription s ON s.org_id = p.org_id AND s.plan_id = p.id
 WHERE p.org_id = $1 AND p.key = $2 AND p.id <> $3 AND s.status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused') AND s.id > $4
 ORDER BY s.id LIMIT $5

-- name: migrations
SELECT c.id, c.subscription_id, s.customer_id, CASE c.state WHEN 'migrating' THEN 'scheduled' ELSE c.state END AS state, c.reason, c.content ->> 'plan_id' AS plan_id,
       (c.content ->> 'effective_on')::date AS effective_on, c.content ->> 'currency' AS currency,
       (c.content ->> 'old_amount_minor')::bigint AS old_amount_minor, (c.content ->> 'new_amount_minor')::bigint AS new_amount_minor, c.created_at, c.settled_at
  FROM subscriptions.change c JOIN subscriptions.subscription s ON s.org_id = c.org_id AND s.id = c.subscription_id
 WHERE c.org_id = $1 AND c.content ? 'plan_key' AND c.content ->> 'plan_key' = $2 AND c.id < $3 ORDER BY c.id DESC LIMIT $4
