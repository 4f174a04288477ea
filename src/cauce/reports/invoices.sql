-- name: invoice_page
SELECT i.id, i.number, i.customer_id, c.name AS customer, c.external_id, i.subscription_id, i.status, i.currency, i.total_minor, i.issued_on, i.payable_on,
       i.disputed, (i.total_minor - i.credit_minor - i.paid_minor - i.credited_minor - i.lost_minor)::bigint AS left_minor
  FROM invoicing.invoice i JOIN customers.customer c ON c.org_id = $1 AND c.id = i.customer_id
 WHERE i.org_id = $1 AND ($2::text = '' OR i.id < $2) AND ($3::text = '' OR i.status = $3) AND ($4::text = '' OR i.number = upper($4))
   AND ($5::text = '' OR i.customer_id = $5) AND ($6::text = '' OR i.subscription_id = $6)
 ORDER BY i.id DESC LIMIT $7

-- name: invoice_one
SELECT i.id, i.number, i.customer_id, c.name AS customer, c.external_id, i.subscription_id, i.reason, i.status, i.currency, i.period_start, i.period_end,
       i.subtotal_minor, i.discount_minor, i.tax_minor, i.total_minor, i.credit_minor, i.paid_minor, i.credited_minor, i.lost_minor,
       i.collection, i.issued_on, i.payable_on, i.finalized_at, i.paid_at, i.disputed, i.snapshot,
       (i.total_minor - i.credit_minor - i.paid_minor - i.credited_minor - i.lost_minor)::bigint AS left_minor
  FROM invoicing.invoice i JOIN customers.customer c ON c.org_id = $1 AND c.id = i.customer_id
 WHERE i.org_id = $1 AND i.id = $2

-- name: invoice_lines
SELECT number, kind, description, quantity, period_start, period_end, amount_minor, discount_minor, tax_percent, tax_minor, total_minor
  FROM invoicing.line WHERE org_id = $1 AND invoice_id = $2 ORDER BY number

-- name: invoice_attempts
SELECT id, channel_id, currency, amount_minor, state, refusal, message, next_action, by_customer, created_at, concluded_at
  FROM payments.attempt WHERE org_id = $1 AND invoice_id = $2 ORDER BY id DESC

-- name: invoice_notes
SELECT id, number, currency, reason, total_minor, to_receivable_minor, to_credit_minor, to_refund_minor, issued_at, voided_at, void_reason
  FROM invoicing.credit_note WHERE org_id = $1 AND invoice_id = $2 ORDER BY id

-- name: note_one
SELECT n.id, n.number, n.invoice_id, n.customer_id, n.currency, n.reason, n.net_minor, n.tax_minor, n.total_minor, n.to_receivable_minor,
       n.to_credit_minor, n.to_refund_minor, n.to_granted_minor, n.lines, n.issued_at, n.voided_at, n.void_reason,
       coalesce(s.timezone, 'UTC') AS timezone
  FROM invoicing.credit_note n JOIN invoicing.invoice i ON i.org_id = n.org_id AND i.id = n.invoice_id
  LEFT JOIN subscriptions.subscription s ON s.org_id = i.org_id AND s.id = i.subscription_id
 WHERE n.org_id = $1 AND n.id = $2

-- name: payment_journals
SELECT DISTINCT j.id, j.recipe, j.key, j.effective_at FROM ledger.journal j WHERE j.org_id = $1 AND j.reference = $2 ORDER BY j.id LIMIT $3
