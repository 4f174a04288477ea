-- name: past_orders
-- Orders of a time with what a rule needs to divide them again: lines, named parties, collections, and how they were divided.
SELECT o.id, o.external_id, l.lines, a.parts, c.pots
  FROM orders.purchase o
  CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(l.seller_id, l.price_minor, l.freight_minor) ORDER BY l.line) AS lines
      FROM orders.line l WHERE l.org_id = $1 AND l.order_id = o.id) l
  CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(a.role, a.party, a.amount_minor + a.fee_borne_minor) ORDER BY a.collection_id, a.position) AS parts
      FROM splits.allocation a WHERE a.org_id = $1 AND a.order_id = o.id) a
  CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(c.id, c.amount_minor, c.owner_id, c.fee_minor) ORDER BY c.id) AS pots
      FROM orders.collection c WHERE c.org_id = $1 AND c.order_id = o.id) c
 WHERE o.org_id = $1 AND o.currency = $2 AND o.placed_at >= $3 AND o.placed_at < $4 AND ($5::text = '' OR o.channel_id = $5)
   AND a.parts IS NOT NULL AND l.lines IS NOT NULL
 ORDER BY o.placed_at, o.id LIMIT $6
