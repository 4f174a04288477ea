-- name: customer_page
-- $3: the beginning of a word; $4: a status that one of the customer's subscriptions has.
SELECT c.id, c.external_id, c.name, c.email, c.country, c.suspended_at, c.created_at, s.statuses, s.currency, s.mrr_minor, i.owed_currency, i.owed_minor
  FROM customers.customer c
  LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT s.status) AS statuses, min(s.currency) AS currency, coalesce(sum(s.mrr_minor) FILTER (WHERE s.status IN ('active', 'past_due')), 0)::bigint AS mrr_minor
      FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.customer_id = c.id) s ON true
  LEFT JOIN LATERAL (
    SELECT i.currency AS owed_currency, sum(i.total_minor - i.credit_minor - i.paid_minor - i.credited_minor - i.lost_minor)::bigint AS owed_minor
      FROM invoicing.invoice i WHERE i.org_id = $1 AND i.customer_id = c.id AND i.status = 'open' GROUP BY i.currency ORDER BY 2 DESC LIMIT 1) i ON true
 WHERE c.org_id = $1 AND ($2::text = '' OR c.id < $2)
   AND ($3::text = '' OR c.id IN (SELECT t.customer_id FROM customers.token t WHERE t.org_id = $1 AND t.token >= $3 AND t.token < $3 || chr(1114111)))
   AND ($4::text = '' OR EXISTS (SELECT FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.customer_id = c.id AND s.status = $4))
 ORDER BY c.id DESC LIMIT $5

-- name: customer_timeline
SELECT type, object_id, actor, data, occurred_at FROM storage.event WHERE org_id = $1 AND customer_id = $2 ORDER BY id DESC LIMIT $3

-- name: customer_methods
SELECT id, channel_id, kind, brand, last4, expires_on, is_default, usable, created_at
  FROM payments.method WHERE org_id = $1 AND customer_id = $2 AND removed_at IS NULL ORDER BY is_default DESC, created_at

-- name: customer_payments
SELECT p.id, p.invoice_id, i.number, p.channel_id, p.source, p.reference, p.currency, p.amount_minor, p.refunded_minor, p.paid_at
  FROM payments.payment p LEFT JOIN invoicing.invoice i ON i.org_id = $1 AND i.id = p.invoice_id
 WHERE p.org_id = $1 AND p.customer_id = $2 AND ($3::text = '' OR p.invoice_id = $3) ORDER BY p.id DESC LIMIT $4

-- name: customer_usage
-- What meters counted in the running periods of a customer's subscriptions.
SELECT r.subscription_id, p.name AS plan, r.meter_key, m.name,
       CASE m.aggregation WHEN 'sum' THEN sum(r.total) WHEN 'max' THEN max(r.highest) WHEN 'latest' THEN max(r.latest) ELSE sum(r.events)::numeric END AS used
  FROM subscriptions.subscription s
  JOIN usage.rollup r ON r.org_id = $1 AND r.subscription_id = s.id AND r.day >= coalesce(s.period_start, s.created_at::date)
  JOIN usage.meter m ON m.org_id = $1 AND m.key = r.meter_key
  JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
 WHERE s.org_id = $1 AND s.customer_id = $2 GROUP BY r.subscription_id, p.name, r.meter_key, m.name, m.aggregation ORDER BY r.subscription_id, r.meter_key LIMIT 50

-- name: asked_charges
SELECT id, description, amount_minor, currency, created_at
  FROM invoicing.pending_line WHERE org_id = $1 AND customer_id = $2 AND state = 'proposed' AND kind = 'pending' ORDER BY id

-- name: customer_credit
SELECT p.currency, (a.normal_side * a.balance_minor)::bigint AS credit_minor
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id
 WHERE a.org_id = $1 AND a.code = 'customer:' || $2::text || ':credit' AND a.balance_minor <> 0

-- name: credit_grants
-- What plans granted a customer, newest first.
SELECT id, wallet_id, customer_id, subscription_id, plan, currency, amount_minor, left_minor, used_minor, lapsed_minor, lapse,
       CASE WHEN left_minor > 0 THEN 'open' WHEN lapse <> '' THEN lapse ELSE 'used' END AS state, period_start, period_end, granted_at, expires_at
  FROM customers.credit_grant WHERE org_id = $1 AND customer_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4

-- name: setup_owner
SELECT customer_id FROM payments.setup WHERE org_id = $1 AND id = $2
