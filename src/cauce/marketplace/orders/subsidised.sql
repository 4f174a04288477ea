-- name: move_subsidies
UPDATE orders.collection c
   SET escrow_minor = c.escrow_minor + m.escrow, subsidy_minor = c.subsidy_minor + m.paid, subsidy_returned_minor = c.subsidy_returned_minor + m.returned
  FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) m(id, escrow, paid, returned)
 WHERE c.org_id = $1 AND c.id = m.id

-- name: drop_planned
UPDATE orders.collection SET subsidy_planned_minor = subsidy_minor WHERE org_id = $1 AND id = ANY ($2::text[])

-- name: awaiting
SELECT DISTINCT order_id FROM orders.collection
 WHERE org_id = $1 AND order_id = ANY ($2::text[]) AND paid_at IS NOT NULL AND subsidy_planned_minor > subsidy_minor

-- name: given_back
SELECT collection_id, sum(amount_minor)::bigint AS minor FROM orders.refund
 WHERE org_id = $1 AND collection_id = ANY ($2::text[]) AND state = 'succeeded' GROUP BY collection_id
