-- name: subjects
-- Whose business an object is: its customer, and the plan that he has; of messages and refunds the plan of what they are about.
SELECT s.id AS object_id, s.customer_id, p.key AS plan_key
  FROM subscriptions.subscription s JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
 WHERE s.org_id = $1 AND s.id = ANY ($2::text[])
 UNION ALL
SELECT n.id, n.customer_id, p.key FROM provisioning.instance n
  JOIN subscriptions.subscription s ON s.org_id = $1 AND s.id = n.subscription_id JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
 WHERE n.org_id = $1 AND n.id = ANY ($2::text[])
 UNION ALL
SELECT x.id, x.customer_id, coalesce(h.key, '')
  FROM (SELECT m.id, m.customer_id, m.subject_id FROM outreach.message m WHERE m.org_id = $1 AND m.id = ANY ($2::text[])
         UNION ALL
        SELECT r.id, r.customer_id, i.subscription_id FROM payments.refund r
          LEFT JOIN payments.payment y ON y.org_id = $1 AND y.id = r.payment_id LEFT JOIN invoicing.invoice i ON i.org_id = $1 AND i.id = y.invoice_id
         WHERE r.org_id = $1 AND r.id = ANY ($2::text[])) x
  LEFT JOIN LATERAL (
    SELECT p.key FROM subscriptions.subscription s JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
     WHERE s.org_id = $1 AND s.customer_id = x.customer_id
     ORDER BY s.id = x.subject_id DESC NULLS LAST, s.status IN ('trialing', 'active', 'past_due') DESC, s.id DESC LIMIT 1) h ON true

-- name: event_counts
-- One look at the index for each type, whatever the planner thinks of the table.
SELECT w.type, n.events FROM unnest($2::text[]) w(type)
 CROSS JOIN LATERAL (SELECT count(*) AS events FROM storage.event e WHERE e.org_id = $1 AND e.type = w.type AND e.occurred_at > $3) n

-- name: task_counts
-- Minutes by hand: as typed in, else from opened to done.
SELECT step, count(*) FILTER (WHERE state = 'open') AS open, count(*) FILTER (WHERE state IN ('released', 'done') AND opened_at > $2) AS by_hand,
       coalesce(sum(coalesce(minutes, least(ceil(extract(epoch FROM ended_at - opened_at) / 60), 480)))
         FILTER (WHERE state = 'done' AND opened_at > $2), 0)::bigint AS minutes
  FROM relations.task WHERE org_id = $1 AND (state = 'open' OR opened_at > $2) GROUP BY step

-- name: task_page
SELECT t.id, t.step, t.mode, t.object_id, t.customer_id, c.name AS customer, c.external_id, t.plan_key, t.state, t.at, t.opened_at, t.ended_at, t.minutes, t.actor
  FROM relations.task t LEFT JOIN customers.customer c ON c.org_id = $1 AND c.id = t.customer_id
 WHERE t.org_id = $1 AND ($2::text = '' OR t.state = $2) AND ($3::text = '' OR t.step = $3) AND ($4::text = '' OR t.id > $4)
 ORDER BY t.id LIMIT $5
