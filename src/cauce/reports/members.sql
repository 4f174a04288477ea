-- name: seats
-- The seats of a customer: the quantity of the seat price of each plan that has one; NULL where none limits them.
SELECT sum(coalesce(floor(i.quantity), 0))::bigint
  FROM subscriptions.subscription s
  JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id AND coalesce(p.policy->>'seats', '') <> ''
  LEFT JOIN LATERAL (
    SELECT sum(i.quantity) AS quantity FROM subscriptions.item i JOIN catalog.price c ON c.org_id = $1 AND c.id = i.price_id
     WHERE i.org_id = $1 AND i.subscription_id = s.id AND i.removed_at IS NULL AND c.key = p.policy->>'seats') i ON true
 WHERE s.org_id = $1 AND s.customer_id = $2 AND s.status = ANY ($3::text[])
