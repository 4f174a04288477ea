-- name: progress
SELECT d.due, d.oldest_due_at, p.parked, i.done, i.done_minute
  FROM (SELECT count(*) AS due, min(s.due_at) AS oldest_due_at FROM subscriptions.subscription s
         WHERE s.org_id = $1 AND s.due_kind = 'renew' AND s.due_at <= $2) d
 CROSS JOIN (SELECT count(*) AS parked FROM storage.parked p WHERE p.org_id = $1 AND p.sweep = $5 AND p.let_go_at IS NULL) p
 CROSS JOIN (SELECT count(*) AS done, count(*) FILTER (WHERE i.id >= $4) AS done_minute FROM invoicing.invoice i
              WHERE i.org_id = $1 AND i.id >= $3 AND i.reason IN ('cycle', 'final')) i
