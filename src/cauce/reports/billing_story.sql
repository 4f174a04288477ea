-- name: status_of
SELECT status FROM subscriptions.subscription WHERE org_id = $1 AND id = $2

-- name: invoices_of
SELECT count(*) AS invoices, coalesce(sum(paid_minor), 0)::bigint AS paid_minor
  FROM invoicing.invoice WHERE org_id = $1 AND subscription_id = $2 AND status = 'paid'
