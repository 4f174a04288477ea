-- name: quotes
-- Offers that were made, newest first, and what came of each: its answer is the step that left the draft.
SELECT h.id AS cursor, s.id, s.customer_id, c.name AS customer, c.external_id, p.key AS plan_key, p.name AS plan, p.version,
       s.currency, s.status AS subscription_status, s.pending_invoice_id AS invoice_id, h.at AS sent_at, h.actor AS sent_by,
       CASE WHEN s.status = 'draft' THEN s.due_at END AS lapses_at,
       CASE a.trigger WHEN 'approve' THEN 'approved' WHEN 'reject' THEN 'rejected' WHEN 'lapse' THEN 'expired' ELSE 'open' END AS state,
       a.at AS answered_at, a.actor AS answered_by, coalesce(a.reason, '') AS reason
  FROM subscriptions.history h
  JOIN subscriptions.subscription s ON s.org_id = $1 AND s.id = h.subscription_id
  JOIN customers.customer c ON c.org_id = $1 AND c.id = s.customer_id
  JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
  LEFT JOIN LATERAL (SELECT f.trigger, f.at, f.actor, f.reason FROM subscriptions.history f
                      WHERE f.org_id = $1 AND f.subscription_id = h.subscription_id AND f.source = 'draft' AND f.id > h.id
                      ORDER BY f.id LIMIT 1) a ON true
 WHERE h.org_id = $1 AND h.trigger = 'quote' AND ($2::bigint = 0 OR h.id < $2) AND ($3::text = '' OR s.customer_id = $3)
   AND ($4::text = '' OR coalesce(CASE a.trigger WHEN 'approve' THEN 'approved' WHEN 'reject' THEN 'rejected' WHEN 'lapse' THEN 'expired' END, 'open') = $4)
   AND ($5::text = '' OR h.subscription_id = $5)
 ORDER BY h.id DESC LIMIT $6
