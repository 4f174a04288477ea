-- name: collection_by_ref
SELECT id, order_id, channel_id, currency, amount_minor FROM orders.collection WHERE org_id = $1 AND channel_id = $2 AND ref = $3 AND ref <> ''

-- part: disputes
SELECT id, channel_id, ref, order_id, collection_id, currency, amount_minor, fee_minor, reason, state, refund_id, respond_by, opened_at,
       withdrawn_at, reinstated_at, booked_back, ended_at
  FROM orders.dispute

-- name: lock_by_ref
{disputes} WHERE org_id = $1 AND channel_id = $2 AND ref = $3 FOR UPDATE

-- name: lock
{disputes} WHERE org_id = $1 AND id = $2 FOR UPDATE

-- name: note
-- Notices come in any order: an end stays an end unless another end follows, and the first instant of each movement counts.
INSERT INTO orders.dispute AS d (org_id, id, channel_id, ref, order_id, collection_id, currency, amount_minor, fee_minor, reason, state, respond_by,
                                 opened_at, withdrawn_at, reinstated_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, CASE WHEN $11 = 'open' THEN NULL ELSE $13::timestamptz END)
ON CONFLICT (org_id, channel_id, ref) DO UPDATE
   SET state = CASE WHEN excluded.state = 'open' THEN d.state ELSE excluded.state END,
       fee_minor = greatest(d.fee_minor, excluded.fee_minor), respond_by = coalesce(excluded.respond_by, d.respond_by),
       opened_at = least(d.opened_at, excluded.opened_at),
       withdrawn_at = least(d.withdrawn_at, excluded.withdrawn_at), reinstated_at = least(d.reinstated_at, excluded.reinstated_at),
       ended_at = coalesce(excluded.ended_at, d.ended_at)
RETURNING id, channel_id, ref, order_id, collection_id, currency, amount_minor, fee_minor, reason, state, refund_id, respond_by, opened_at,
          withdrawn_at, reinstated_at, booked_back, ended_at

-- name: booked
UPDATE orders.dispute SET refund_id = $3, booked_back = $4 WHERE org_id = $1 AND id = $2

-- name: page
{disputes} WHERE org_id = $1 AND ($2::text = '' OR id < $2) AND ($3::text = '' OR state = $3)
   AND (cardinality($4::text[]) = 0 OR order_id = ANY ($4)) ORDER BY id DESC LIMIT $5
