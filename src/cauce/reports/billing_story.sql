-- name: status_of
SELECT status FROM subscriptions.subscription WHERE org_id = $1 AND id = $2

-- name: open_transfers
-- Open invoices that are paid by bank transfer, with what is left to pay and who owes it.
SELECT i.id, i.number, i.total_minor - i.credit_minor - i.paid_minor - i.credited_minor - i.lost_minor AS due_minor, i.issued_on, c.external_id
  FROM invoicing.invoice i JOIN customers.customer c ON c.org_id = $1 AND c.id = i.customer_id
 WHERE i.org_id = $1 AND i.status = 'open' AND i.collection = 'send_invoice' ORDER BY i.id

-- name: invoices_of
SELECT count(*) AS invoices, coalesce(sum(paid_minor), 0)::bigint AS paid_minor
  FROM invoicing.invoice WHERE org_id = $1 AND subscription_id = $2 AND status = 'paid'
