-- name: lines_left
-- The lines of orders with what stands of refunds of each.
SELECT l.order_id, l.line, l.seller_id, l.price_minor, l.freight_minor, coalesce(r.minor, 0)::bigint AS refunded_minor
  FROM orders.line l
  LEFT JOIN LATERAL (
    SELECT sum(i.amount_minor) AS minor FROM orders.refund_line i
      JOIN orders.refund r ON r.org_id = $1 AND r.id = i.refund_id AND r.state NOT IN ('failed', 'canceled')
     WHERE i.org_id = $1 AND i.order_id = l.order_id AND i.line = l.line) r ON true
 WHERE l.org_id = $1 AND l.order_id = ANY ($2::text[]) ORDER BY l.order_id, l.line

-- name: insert_refund_lines
INSERT INTO orders.refund_line (org_id, refund_id, order_id, line, amount_minor)
SELECT $1, i.* FROM unnest($2::text[], $3::text[], $4::integer[], $5::bigint[]) i
