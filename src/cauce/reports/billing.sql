-- name: customers
-- Newest first; $3: lower-case words, each the beginning of one of the customer's words.
SELECT c.id, c.external_id, c.email, c.name, c.country, c.suspended_at, c.created_at,
       (SELECT count(*) FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.customer_id = c.id AND s.status NOT IN ('canceled', 'expired', 'draft')) AS live,
       (SELECT coalesce(sum(s.mrr_minor), 0)::bigint FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.customer_id = c.id) AS mrr_minor
  FROM customers.customer c
 WHERE c.org_id = $1 AND c.id < $2
   AND NOT EXISTS (SELECT FROM unnest($3::text[]) w(word) WHERE NOT EXISTS (
         SELECT FROM customers.token t WHERE t.org_id = $1 AND t.customer_id = c.id AND t.token >= w.word AND t.token < w.word || U&'\FFFF'))
 ORDER BY c.id DESC LIMIT $4

-- name: customers_by_word
-- The ids of customers with a word that begins so: the range over the index that policies do not hide.
SELECT DISTINCT t.customer_id AS id FROM customers.token t
 WHERE t.org_id = $1 AND t.token >= $2 AND t.token < $2 || U&'\FFFF' AND t.customer_id < $3 ORDER BY t.customer_id DESC LIMIT $4

-- name: customers_by_id
SELECT c.id, c.external_id, c.email, c.name, c.country, c.suspended_at, c.created_at,
       (SELECT count(*) FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.customer_id = c.id AND s.status NOT IN ('canceled', 'expired', 'draft')) AS live,
       (SELECT coalesce(sum(s.mrr_minor), 0)::bigint FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.customer_id = c.id) AS mrr_minor
  FROM customers.customer c WHERE c.org_id = $1 AND c.id = ANY ($2::text[]) ORDER BY c.id DESC

-- name: subscriptions
SELECT s.id, s.customer_id, c.external_id, c.name AS customer_name, p.key AS plan, p.version AS plan_version, s.product_id, s.status, s.currency,
       s.period_start, s.period_end, s.trial_end, s.cancel_at_period_end, s.cancellation, s.pause_reason, s.mrr_minor, s.due_kind, s.due_at,
       s.collection, s.term, s.created_at, s.ended_at, a.level AS access
  FROM subscriptions.subscription s
  JOIN customers.customer c ON c.org_id = s.org_id AND c.id = s.customer_id
  JOIN catalog.plan p ON p.org_id = s.org_id AND p.id = s.plan_id
  LEFT JOIN entitlements.access a ON a.org_id = s.org_id AND a.subscription_id = s.id
 WHERE s.org_id = $1 AND s.id < $2 AND ($3::text IS NULL OR s.status = $3) AND ($4::text IS NULL OR s.customer_id = $4)
   AND ($5::text IS NULL OR p.key = $5)
 ORDER BY s.id DESC LIMIT $6

-- name: subscription
SELECT s.*, c.external_id, c.name AS customer_name, p.key AS plan, p.name AS plan_name, a.level AS access, a.features
  FROM subscriptions.subscription s
  JOIN customers.customer c ON c.org_id = s.org_id AND c.id = s.customer_id
  JOIN catalog.plan p ON p.org_id = s.org_id AND p.id = s.plan_id
  LEFT JOIN entitlements.access a ON a.org_id = s.org_id AND a.subscription_id = s.id
 WHERE s.org_id = $1 AND s.id = $2

-- name: items
SELECT i.id, i.price_id, i.quantity, i.options, i.phases_from, p.key, p.kind, p.role, p.currency, p.billing, p.interval_unit, p.interval_count, p.model, p.phases, p.meter_key, p.nickname
  FROM subscriptions.item i JOIN catalog.price p ON p.org_id = i.org_id AND p.id = i.price_id
 WHERE i.org_id = $1 AND i.subscription_id = $2 AND i.removed_at IS NULL ORDER BY i.id

-- name: invoices
SELECT i.id, i.number, i.customer_id, c.name AS customer_name, c.external_id, i.subscription_id, i.reason, i.status, i.currency, i.total_minor,
       i.tax_minor, i.credit_minor, i.paid_minor, i.credited_minor, i.lost_minor, i.period_start, i.period_end, i.issued_on, i.payable_on,
       i.finalized_at, i.paid_at, i.collection, i.disputed
  FROM invoicing.invoice i JOIN customers.customer c ON c.org_id = i.org_id AND c.id = i.customer_id
 WHERE i.org_id = $1 AND i.id < $2 AND ($3::text IS NULL OR i.status = $3) AND ($4::text IS NULL OR i.customer_id = $4)
   AND ($5::text IS NULL OR i.subscription_id = $5)
 ORDER BY i.id DESC LIMIT $6

-- name: invoice
SELECT i.* FROM invoicing.invoice i WHERE i.org_id = $1 AND i.id = $2

-- name: lines
SELECT l.* FROM invoicing.line l WHERE l.org_id = $1 AND l.invoice_id = $2 ORDER BY l.number

-- name: payments
SELECT p.id, p.customer_id, c.name AS customer_name, p.invoice_id, i.number AS invoice_number, p.channel_id, p.source, p.reference, p.currency,
       p.amount_minor, p.applied_minor, p.fee_minor, p.settled_currency, p.settled_minor, p.refunded_minor, p.disputed, p.paid_at
  FROM payments.payment p JOIN customers.customer c ON c.org_id = p.org_id AND c.id = p.customer_id
  LEFT JOIN invoicing.invoice i ON i.org_id = p.org_id AND i.id = p.invoice_id
 WHERE p.org_id = $1 AND p.id < $2 AND ($3::text IS NULL OR p.customer_id = $3) ORDER BY p.id DESC LIMIT $4

-- name: attempts
SELECT id, invoice_id, method_id, channel_id, currency, amount_minor, state, refusal, code, message, next_action, created_at, concluded_at
  FROM payments.attempt WHERE org_id = $1 AND invoice_id = $2 ORDER BY id

-- name: methods
SELECT id, channel_id, kind, brand, last4, expires_on, is_default, usable, created_at
  FROM payments.method WHERE org_id = $1 AND customer_id = $2 AND removed_at IS NULL ORDER BY created_at, id

-- name: cases
SELECT d.id, d.subscription_id, d.customer_id, c.name AS customer_name, d.state, d.tries, d.refusal, d.currency, d.recovered_minor, d.restricted,
       d.due_at, d.grace_at, d.started_at, d.ended_at
  FROM payments.dunning_case d JOIN customers.customer c ON c.org_id = d.org_id AND c.id = d.customer_id
 WHERE d.org_id = $1 AND d.id < $2 AND ($3::text IS NULL OR d.state = $3) ORDER BY d.id DESC LIMIT $4

-- name: refunds
SELECT r.id, r.payment_id, r.customer_id, r.credit_note_id, r.currency, r.amount_minor, r.reason, r.state, r.message, r.created_at, r.concluded_at
  FROM payments.refund r WHERE r.org_id = $1 AND r.id < $2 AND ($3::text IS NULL OR r.customer_id = $3) ORDER BY r.id DESC LIMIT $4

-- name: credit_notes
SELECT n.id, n.number, n.invoice_id, n.customer_id, n.currency, n.reason, n.net_minor, n.tax_minor, n.total_minor, n.to_receivable_minor,
       n.to_credit_minor, n.to_refund_minor, n.to_granted_minor, n.issued_at, n.voided_at, n.void_reason
  FROM invoicing.credit_note n WHERE n.org_id = $1 AND n.id < $2 AND ($3::text IS NULL OR n.customer_id = $3) AND ($4::text IS NULL OR n.invoice_id = $4)
 ORDER BY n.id DESC LIMIT $5

-- name: credit_note
SELECT n.id, n.number, n.invoice_id, n.customer_id, n.currency, n.reason, n.net_minor, n.tax_minor, n.total_minor, n.to_receivable_minor,
       n.to_credit_minor, n.to_refund_minor, n.to_granted_minor, n.issued_at, n.voided_at, n.void_reason
  FROM invoicing.credit_note n WHERE n.org_id = $1 AND n.id = $2

-- name: credit_balances
SELECT p.currency, -a.balance_minor AS balance_minor, a.held_minor
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id
 WHERE a.org_id = $1 AND a.owner_id = $2 AND a.owner_id <> '' AND a.code = 'customer:' || $2 || ':credit' AND a.balance_minor <> 0 ORDER BY p.currency

-- name: entitlements
SELECT a.subscription_id, a.product_id, a.plan_id, a.level, a.features, a.changed_at, s.status
  FROM entitlements.access a JOIN subscriptions.subscription s ON s.org_id = a.org_id AND s.id = a.subscription_id
 WHERE a.org_id = $1 AND a.customer_id = $2 ORDER BY a.subscription_id

-- name: pending_lines
SELECT id, kind, description, amount_minor, currency, state, invoice_now, period_start, period_end, created_at
  FROM invoicing.pending_line WHERE org_id = $1 AND subscription_id = $2 AND state IN ('proposed', 'waiting') ORDER BY id

-- name: status_counts
SELECT status, currency, count(*) AS subscriptions, sum(mrr_minor)::bigint AS mrr_minor
  FROM subscriptions.subscription WHERE org_id = $1 GROUP BY status, currency ORDER BY status, currency

-- name: mrr_movements
SELECT date_trunc('month', h.at)::date AS month, h.currency,
       CASE WHEN h.mrr_before_minor = 0 AND h.trigger IN ('reactivate', 'resume', 'convert') THEN 'reactivation'
            WHEN h.mrr_before_minor = 0 THEN 'new' WHEN h.mrr_after_minor = 0 THEN 'churn'
            WHEN h.mrr_after_minor > h.mrr_before_minor THEN 'expansion' ELSE 'contraction' END AS kind,
       sum(h.mrr_after_minor - h.mrr_before_minor)::bigint AS change_minor, count(*) AS steps
  FROM subscriptions.history h
 WHERE h.org_id = $1 AND h.at >= $2 AND h.at < $3 AND h.mrr_before_minor <> h.mrr_after_minor
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3

-- name: mrr_on
-- As of any instant, from the transition log alone.
SELECT h.currency, sum(h.mrr_after_minor - h.mrr_before_minor)::bigint AS mrr_minor
  FROM subscriptions.history h WHERE h.org_id = $1 AND h.at <= $2 GROUP BY h.currency ORDER BY h.currency

-- name: outstanding
SELECT i.currency, count(*) AS invoices, sum(i.total_minor - i.credit_minor - i.paid_minor - i.credited_minor - i.lost_minor)::bigint AS amount_minor,
       CASE WHEN $2::date <= i.payable_on THEN 0 WHEN $2 - i.payable_on <= 30 THEN 30 WHEN $2 - i.payable_on <= 60 THEN 60 ELSE 90 END AS days_up_to
  FROM invoicing.invoice i WHERE i.org_id = $1 AND i.status = 'open' GROUP BY i.currency, 4 ORDER BY i.currency, 4

-- name: restrictions
SELECT c.subscription_id, 'grace' AS why FROM payments.dunning_case c
 WHERE c.org_id = $1 AND c.subscription_id = ANY ($2::text[]) AND c.state = 'open' AND c.restricted
 UNION
SELECT i.subscription_id, CASE WHEN p.dispute_lost THEN 'lost' ELSE 'opened' END
  FROM payments.payment p JOIN invoicing.invoice i ON i.org_id = p.org_id AND i.id = p.invoice_id
 WHERE p.org_id = $1 AND p.disputed AND i.subscription_id = ANY ($2::text[])

-- name: invoice_paid_by
SELECT invoice_id FROM payments.payment WHERE org_id = $1 AND channel_id = $2 AND reference = $3 ORDER BY id LIMIT 1

-- name: statement_descriptors
SELECT s.id, p.policy->>'statement_descriptor' AS descriptor FROM subscriptions.subscription s
  JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id AND coalesce(p.policy->>'statement_descriptor', '') <> ''
 WHERE s.org_id = $1 AND s.id = ANY ($2::text[])
