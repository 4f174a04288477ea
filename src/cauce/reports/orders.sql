-- name: order_page
SELECT o.id, o.external_id, o.channel_id, h.name AS channel, o.currency, o.total_minor, o.collected_minor, o.refunded_minor, o.state, o.placed_at, o.released_at,
       l.sellers, l.first_seller
  FROM orders.purchase o
  JOIN channels.channel h ON h.org_id = $1 AND h.id = o.channel_id
  LEFT JOIN LATERAL (
    SELECT count(DISTINCT l.seller_id) AS sellers, min(m.name) AS first_seller FROM orders.line l
      JOIN merchants.merchant m ON m.org_id = $1 AND m.id = l.seller_id WHERE l.org_id = $1 AND l.order_id = o.id) l ON true
 WHERE o.org_id = $1 AND ($2::text = '' OR o.id < $2) AND ($3::text = '' OR o.state = $3) AND ($4::text = '' OR o.channel_id = $4)
   AND ($5::text = '' OR o.external_id = $5)
   AND ($6::text = '' OR EXISTS (SELECT FROM orders.line l WHERE l.org_id = $1 AND l.seller_id = $6 AND l.order_id = o.id))
 ORDER BY o.id DESC LIMIT $7

-- name: order_one
SELECT o.id, o.external_id, o.channel_id, h.name AS channel, o.currency, o.total_minor, o.collected_minor, o.refunded_minor, o.state, o.rule_id, o.rule_version,
       o.release_on, o.release_days, o.next_step, o.due_at, o.placed_at, o.paid_at, o.deliver_at, o.delivered_at, o.released_at, o.canceled_at
  FROM orders.purchase o JOIN channels.channel h ON h.org_id = $1 AND h.id = o.channel_id
 WHERE o.org_id = $1 AND o.id = $2

-- name: order_lines
SELECT l.line, l.seller_id, m.name AS seller, l.goods_kind, l.price_minor, l.freight_minor, l.subsidy_minor, l.description
  FROM orders.line l JOIN merchants.merchant m ON m.org_id = $1 AND m.id = l.seller_id
 WHERE l.org_id = $1 AND l.order_id = $2 ORDER BY l.line

-- name: order_collections
SELECT id, owner_id, destination, method, currency, amount_minor, fee_minor, escrow_minor, released_minor, refunded_minor, ref, state, next_action, paid_at, freeze_ends_at,
       subsidy_planned_minor, subsidy_minor, subsidy_returned_minor, combined_id
  FROM orders.collection WHERE org_id = $1 AND order_id = $2 ORDER BY created_at, id

-- name: order_parts
-- Who gets what of each collection, and the split that carries it (none yet: it is still planned).
SELECT a.collection_id, a.position, a.party, m.name AS merchant, a.amount_minor, a.reversed_minor, a.is_rest, a.closed, c.owner_id,
       s.id AS split_id, s.state AS split_state, s.applied_at, s.ref AS split_ref, i.state AS instruction_state, i.key AS instruction_key
  FROM splits.allocation a
  JOIN orders.collection c ON c.org_id = $1 AND c.id = a.collection_id
  LEFT JOIN merchants.merchant m ON m.org_id = $1 AND m.id = a.party
  LEFT JOIN LATERAL (
    SELECT s.id, s.state, s.applied_at, s.ref FROM splits.split s
     WHERE s.org_id = $1 AND s.collection_id = a.collection_id
       AND (a.position BETWEEN s.first_position AND s.last_position OR (a.party = 'fee' AND s.fee_minor > 0) OR (a.is_rest AND s.finishes))
     ORDER BY (s.state = 'failed'), s.id DESC LIMIT 1) s ON true
  LEFT JOIN channels.instruction i ON i.org_id = $1 AND i.key = s.id
 WHERE a.org_id = $1 AND a.order_id = $2 ORDER BY a.collection_id, a.position

-- name: order_kept_parts
-- What was kept of an order and divided since.
SELECT k.collection_id, k.position, k.role, k.party, m.name AS merchant, k.amount_minor, k.rule_id, k.rule_version, k.reason, k.divided_by, k.divided_at
  FROM splits.kept_part k LEFT JOIN merchants.merchant m ON m.org_id = $1 AND m.id = k.party
 WHERE k.org_id = $1 AND k.order_id = $2 ORDER BY k.divided_at, k.collection_id, k.position

-- name: order_parties
SELECT p.role, p.party, m.name AS merchant FROM orders.party p LEFT JOIN merchants.merchant m ON m.org_id = $1 AND m.id = p.party
 WHERE p.org_id = $1 AND p.order_id = $2 ORDER BY p.role, p.party

-- name: order_refunds
SELECT id, collection_id, external_id, amount_minor, reason, policy, state, created_at, finished_at
  FROM orders.refund WHERE org_id = $1 AND order_id = $2 ORDER BY id

-- name: order_subsidies
-- What the platform added to an order's payments, took back, or gave up.
SELECT f.id, f.kind, f.parent_id AS collection_id, f.merchant_id, f.amount_minor, f.currency, f.state, f.requested_by, f.approved_by, f.failure, f.requested_at, f.paid_at
  FROM settlement.funding f
 WHERE f.org_id = $1 AND f.order_id = $2 AND f.kind IN ('order_subsidy', 'return_order_subsidy', 'drop_order_subsidy') ORDER BY f.id

-- name: order_refund_lines
SELECT i.refund_id, i.line, i.amount_minor, r.state FROM orders.refund_line i
  JOIN orders.refund r ON r.org_id = $1 AND r.id = i.refund_id
 WHERE i.org_id = $1 AND i.order_id = $2 ORDER BY i.refund_id, i.line

-- name: order_instructions
SELECT i.key, i.purpose, i.operation, i.state, i.ref, i.sends, i.asks, i.created_at, i.concluded_at
  FROM channels.instruction i
 WHERE i.org_id = $1 AND i.object_id = ANY (
    ARRAY [$2::text] || ARRAY (SELECT c.id FROM orders.collection c WHERE c.org_id = $1 AND c.order_id = $2)
    || ARRAY (SELECT s.id FROM splits.split s WHERE s.org_id = $1 AND s.order_id = $2)
    || ARRAY (SELECT r.id FROM orders.refund r WHERE r.org_id = $1 AND r.order_id = $2))
 ORDER BY i.created_at, i.key

-- name: channel_names
SELECT id, name FROM channels.channel WHERE org_id = $1 ORDER BY created_at, id
