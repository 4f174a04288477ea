-- name: customers_of_ids
SELECT id, external_id, email, name, locale, timezone, country, address, tax_ids, tax_treatment, metadata, suspended_at, erased_at, created_at
  FROM customers.customer WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id DESC

-- name: subscriptions_of_ids
SELECT s.id, s.customer_id, p.key AS plan, p.version AS plan_version, s.product_id, s.status, s.currency, s.timezone, s.interval_unit, s.interval_count,
       s.term, s.period_start, s.period_end, s.trial_start, s.trial_end, s.collection, s.net_days, s.cancel_at_period_end, s.cancellation,
       s.cancel_reason, s.pause_reason, s.resume_at, s.pending_invoice_id, s.mrr_minor, s.metadata, s.started_at, s.ended_at, s.created_at, a.level AS access,
       s.method_id AS payment_method_id,
       (SELECT coalesce(sum(i.total_minor - i.credit_minor - i.paid_minor - i.credited_minor - i.lost_minor), 0)::bigint FROM invoicing.invoice i
         WHERE i.org_id = $1 AND i.subscription_id = s.id AND i.status = 'open') AS amount_due_minor
  FROM subscriptions.subscription s
  JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
  LEFT JOIN entitlements.access a ON a.org_id = $1 AND a.subscription_id = s.id
 WHERE s.org_id = $1 AND s.id = ANY ($2::text[]) ORDER BY s.id DESC

-- name: invoices_of_ids
SELECT id, number, customer_id, subscription_id, reason, status, currency, subtotal_minor, discount_minor, tax_minor, total_minor, credit_minor, paid_minor,
       credited_minor, lost_minor, (total_minor - credit_minor - paid_minor - credited_minor - lost_minor)::bigint AS amount_due_minor,
       collection, period_start, period_end, issued_on, payable_on, finalized_at, paid_at, disputed
  FROM invoicing.invoice WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id DESC

-- name: merchants_of_ids
SELECT id, external_id, name, state, legal_form, trade_place, country, email, metadata, created_at,
       EXISTS (SELECT FROM settlement.merchant_pause p WHERE p.org_id = $1 AND p.merchant_id = merchant.id) AS payouts_paused
  FROM merchants.merchant WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id DESC

-- name: orders_of_ids
SELECT id, external_id, channel_id, currency, total_minor, collected_minor, refunded_minor, state, rule_id AS split_rule_id, rule_version AS split_rule_version,
       release_on, release_days, metadata, placed_at, paid_at, deliver_at, delivered_at, released_at, canceled_at
  FROM orders.purchase WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id DESC

-- name: order_ids
SELECT external_id, id FROM orders.purchase WHERE org_id = $1 AND external_id = ANY ($2::text[]) AND external_id <> ''

-- name: prices_of_plans
SELECT id, plan_id, key, kind, role, currency, billing, interval_unit, interval_count, model, meter_key, tax_category, tax_inclusive, nickname, phases, archived_at
  FROM catalog.price WHERE org_id = $1 AND plan_id = ANY ($2::text[]) ORDER BY created_at, id

-- name: entitlements_of_many
-- Look-ups by key for each customer asked for, whatever the planner thinks of the tables' sizes.
WITH found AS MATERIALIZED (
  SELECT DISTINCT w.named, c.id, c.suspended FROM unnest($2::text[]) w(named)
   CROSS JOIN LATERAL (
    (
     (SELECT c.id, c.suspended_at IS NOT NULL AS suspended, 1 AS rank FROM customers.customer c
       WHERE c.org_id = $1 AND c.external_id = w.named LIMIT 1)
      UNION ALL
     (SELECT c.id, c.suspended_at IS NOT NULL, 2 FROM customers.customer c
       WHERE c.org_id = $1 AND c.id = w.named AND w.named LIKE 'cus\_%' LIMIT 1)
      ORDER BY rank LIMIT 1)
      UNION
     -- A member of a team uses what the team may use (I6), of however many teams he is one.
     (SELECT c.id, c.suspended_at IS NOT NULL, 3 FROM customers.member m JOIN customers.customer c ON c.org_id = $1 AND c.id = m.customer_id
       WHERE m.org_id = $1 AND m.state = 'joined' AND m.external_id = w.named AND m.external_id <> '')
      UNION
     (SELECT c.id, c.suspended_at IS NOT NULL, 3 FROM customers.member m JOIN customers.customer c ON c.org_id = $1 AND c.id = m.customer_id
       WHERE m.org_id = $1 AND m.id = w.named AND m.state = 'joined' AND w.named LIKE 'mem\_%')) c
)
SELECT f.named, f.id AS customer_id, f.suspended, a.subscription_id, a.product_id, a.level, a.features, a.limits, NULL::text AS feature, NULL::jsonb AS value, NULL::timestamptz AS ends_at
  FROM found f LEFT JOIN LATERAL (
    SELECT a.subscription_id, a.product_id, a.level, a.features, a.limits FROM entitlements.access a WHERE a.org_id = $1 AND a.customer_id = f.id OFFSET 0) a ON true
 UNION ALL
SELECT f.named, f.id, f.suspended, NULL, g.product_id, g.level, NULL, NULL, nullif(g.feature, ''), g.value, g.due_at
  FROM found f CROSS JOIN LATERAL (
    SELECT g.product_id, g.level, g.feature, g.value, g.due_at FROM entitlements.hand_grant g
     WHERE g.org_id = $1 AND g.customer_id = f.id AND g.ended_at IS NULL ORDER BY g.id) g
