-- name: insert_orders
INSERT INTO orders.purchase (org_id, id, external_id, channel_id, currency, total_minor, collected_minor, state, rule_id, rule_version,
                             release_on, release_days, next_step, due_at, placed_at, paid_at, deliver_at, cancel_at, body_hash, metadata)
SELECT $1, o.*
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::int[],
              $11::text[], $12::int[], $13::text[], $14::timestamptz[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[],
              $18::timestamptz[], $19::bytea[], $20::jsonb[]) o
ON CONFLICT (org_id, external_id) WHERE external_id <> '' DO NOTHING
RETURNING id

-- name: same_number
SELECT external_id, id, body_hash FROM orders.purchase WHERE org_id = $1 AND external_id = ANY ($2::text[]) AND external_id <> ''

-- name: insert_lines
INSERT INTO orders.line (org_id, order_id, line, seller_id, goods_kind, price_minor, freight_minor, description, subsidy_minor)
SELECT $1, l.* FROM unnest($2::text[], $3::smallint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::bigint[]) l

-- name: insert_collections
INSERT INTO orders.collection (org_id, id, order_id, channel_id, owner_id, merchant_ref, destination, method, currency, amount_minor,
                               fee_minor, escrow_minor, ref, state, paid_at, freeze_ends_at, due_at, payer_id, payer,
                               subsidy_planned_minor, combined_id, created_at)
SELECT $1, c.*, $22
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
              $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[],
              $18::text[], $19::jsonb[], $20::bigint[], $21::text[]) c

-- name: lock_orders
SELECT id, external_id, channel_id, currency, total_minor, collected_minor, refunded_minor, state, rule_id, rule_version, release_on,
       release_days, next_step, due_at, placed_at, paid_at, deliver_at, cancel_at, delivered_at
  FROM orders.purchase WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR UPDATE

-- name: order_row
SELECT id, external_id, channel_id, currency, total_minor, collected_minor, refunded_minor, state, rule_id, rule_version, release_on,
       release_days, next_step, due_at, placed_at, paid_at, deliver_at, cancel_at, delivered_at, canceled_at, released_at, metadata
  FROM orders.purchase WHERE org_id = $1 AND id = $2

-- name: insert_parties
INSERT INTO orders.party (org_id, order_id, role, party)
SELECT $1, p.* FROM unnest($2::text[], $3::text[], $4::text[]) p ON CONFLICT DO NOTHING

-- name: parties_of
SELECT role, party FROM orders.party WHERE org_id = $1 AND order_id = $2 ORDER BY role, party

-- name: lines_of
SELECT order_id, line, seller_id, goods_kind, price_minor, freight_minor, description, subsidy_minor
  FROM orders.line WHERE org_id = $1 AND order_id = ANY ($2::text[]) ORDER BY order_id, line

-- part: collections
SELECT id, order_id, channel_id, owner_id, merchant_ref, method, currency, amount_minor, fee_minor, escrow_minor, released_minor,
       refunded_minor, fee_returned_minor, ref, state, next_action, paid_at, freeze_ends_at, payer_id, payer, subsidy_planned_minor,
       subsidy_minor, subsidy_returned_minor, combined_id
  FROM orders.collection

-- name: collections_of
{collections} WHERE org_id = $1 AND order_id = ANY ($2::text[]) ORDER BY order_id, id

-- name: lock_collections
{collections} WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR UPDATE

-- name: orders_of_collections
SELECT DISTINCT order_id FROM orders.collection WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY order_id

-- name: lock_free_orders
SELECT id FROM orders.purchase WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR UPDATE SKIP LOCKED

-- name: lock_collections_of
{collections} WHERE org_id = $1 AND order_id = ANY ($2::text[]) ORDER BY id FOR UPDATE

-- name: collections_paid
UPDATE orders.collection c
   SET state = 'paid', ref = p.ref, fee_minor = p.fee, escrow_minor = c.amount_minor - p.fee, paid_at = p.paid_at,
       freeze_ends_at = p.freeze_ends_at, due_at = p.due_at, next_action = NULL
  FROM unnest($2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[])
       p(id, ref, fee, paid_at, freeze_ends_at, due_at)
 WHERE c.org_id = $1 AND c.id = p.id

-- name: collections_cleared
UPDATE orders.collection SET state = 'cleared', due_at = NULL
 WHERE org_id = $1 AND id = ANY ($2::text[]) AND state = 'paid' RETURNING id, order_id

-- name: collections_state
UPDATE orders.collection c SET state = s.state, next_action = s.next_action, ref = CASE WHEN s.ref = '' THEN c.ref ELSE s.ref END
  FROM unnest($2::text[], $3::text[], $4::jsonb[], $5::text[]) s(id, state, next_action, ref)
 WHERE c.org_id = $1 AND c.id = s.id

-- name: move_escrow
-- What leaves the escrow (or comes back): released to parties, refunded to the payer. A collection may stand in many rows.
UPDATE orders.collection c
   SET escrow_minor = c.escrow_minor + m.escrow, released_minor = c.released_minor + m.released,
       refunded_minor = c.refunded_minor + m.refunded, fee_returned_minor = c.fee_returned_minor + m.fee_returned,
       state = CASE WHEN m.refunded = 0 THEN c.state
                    WHEN c.refunded_minor + m.refunded = 0 THEN 'paid'
                    WHEN c.refunded_minor + m.refunded = c.amount_minor THEN 'refunded' ELSE 'partially_refunded' END,
       due_at = CASE WHEN c.escrow_minor + m.escrow = 0 THEN NULL ELSE c.due_at END
  FROM (SELECT r.id, sum(r.escrow)::bigint AS escrow, sum(r.released)::bigint AS released, sum(r.refunded)::bigint AS refunded,
               sum(r.fee_returned)::bigint AS fee_returned
          FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) r(id, escrow, released, refunded, fee_returned)
         GROUP BY r.id) m
 WHERE c.org_id = $1 AND c.id = m.id

-- name: orders_paid
UPDATE orders.purchase o
   SET state = 'paid', paid_at = p.paid_at, next_step = p.next_step, due_at = p.due_at
  FROM unnest($2::text[], $3::timestamptz[], $4::text[], $5::timestamptz[]) p(id, paid_at, next_step, due_at)
 WHERE o.org_id = $1 AND o.id = p.id

-- name: orders_step
UPDATE orders.purchase o
   SET state = s.state, next_step = s.next_step, due_at = s.due_at,
       delivered_at = coalesce(s.delivered_at, o.delivered_at), canceled_at = coalesce(s.canceled_at, o.canceled_at),
       released_at = coalesce(s.released_at, o.released_at)
  FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[])
       s(id, state, next_step, due_at, delivered_at, canceled_at, released_at)
 WHERE o.org_id = $1 AND o.id = s.id

-- name: orders_collected
UPDATE orders.purchase o SET collected_minor = o.collected_minor + c.amount
  FROM unnest($2::text[], $3::bigint[]) c(id, amount) WHERE o.org_id = $1 AND o.id = c.id

-- name: orders_refunded
UPDATE orders.purchase o SET refunded_minor = o.refunded_minor + r.amount
  FROM unnest($2::text[], $3::bigint[]) r(id, amount) WHERE o.org_id = $1 AND o.id = r.id

-- name: escrow_left
SELECT order_id, sum(escrow_minor)::bigint AS escrow_minor, bool_or(paid_at IS NULL) AS waits
  FROM orders.collection WHERE org_id = $1 AND order_id = ANY ($2::text[]) GROUP BY order_id

-- name: freeze_move_due
UPDATE orders.collection c SET due_at = d.due_at FROM unnest($2::text[], $3::timestamptz[]) d(id, due_at)
 WHERE c.org_id = $1 AND c.id = d.id

-- name: insert_refunds
INSERT INTO orders.refund (org_id, id, order_id, collection_id, external_id, amount_minor, reason, policy, state, attempt_key, taken,
                           open_reversals, fee_expected_minor, requested_by, created_at)
SELECT $1, r.*, $14, $15
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[],
              $11::jsonb[], $12::int[], $13::bigint[]) r
ON CONFLICT (org_id, collection_id, external_id) DO NOTHING
RETURNING id

-- name: refunds_of
SELECT id, order_id, collection_id, external_id, amount_minor, reason, policy, state, taken, fee_expected_minor, created_at, finished_at
  FROM orders.refund WHERE org_id = $1 AND order_id = ANY ($2::text[]) ORDER BY created_at, id

-- name: funding_refunds
-- Refunds that wait for money before they take any.
SELECT collection_id, taken FROM orders.refund WHERE org_id = $1 AND order_id = ANY ($2::text[]) AND state = 'funding'

-- part: refunds
SELECT id, order_id, collection_id, external_id, amount_minor, reason, policy, state, attempt_key, taken, open_reversals, fee_expected_minor, created_at
  FROM orders.refund

-- name: lock_refunds
-- By their own ids or by the keys of their present attempts.
{refunds} WHERE org_id = $1 AND (id = ANY ($2::text[]) OR attempt_key = ANY ($2::text[])) ORDER BY id FOR UPDATE

-- name: lock_open_refunds
-- Every refund of the same collections that is not final, with those asked for.
{refunds} WHERE org_id = $1 AND state NOT IN ('succeeded', 'failed', 'canceled')
   AND collection_id IN (SELECT o.collection_id FROM orders.refund o WHERE o.org_id = $1 AND o.attempt_key = ANY ($2::text[]))
 ORDER BY id FOR UPDATE

-- name: order_of_refund
SELECT order_id FROM orders.refund WHERE org_id = $1 AND id = $2

-- name: update_refunds
UPDATE orders.refund r SET state = u.state, open_reversals = u.open, finished_at = u.finished_at, attempt_key = u.attempt_key
  FROM unnest($2::text[], $3::text[], $4::int[], $5::timestamptz[], $6::text[]) u(id, state, open, finished_at, attempt_key)
 WHERE r.org_id = $1 AND r.id = u.id

-- name: replan_refunds
UPDATE orders.refund r SET taken = u.taken, fee_expected_minor = u.fee_expected
  FROM unnest($2::text[], $3::jsonb[], $4::bigint[]) u(id, taken, fee_expected) WHERE r.org_id = $1 AND r.id = u.id

-- name: orders_with_open_refunds
SELECT DISTINCT order_id FROM orders.refund
 WHERE org_id = $1 AND order_id = ANY ($2::text[]) AND state NOT IN ('succeeded', 'failed', 'canceled')

-- name: begin_import
INSERT INTO orders.import (org_id, id, source, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (org_id, source) DO UPDATE SET source = excluded.source
RETURNING id, read_rows, accepted, refused, done_at

-- name: import_progress
UPDATE orders.import SET read_rows = $4, accepted = accepted + $5, refused = refused + $6, done_at = $7
 WHERE org_id = $1 AND id = $2 AND read_rows = $3

-- name: restart_import
WITH forgotten AS (DELETE FROM orders.refused WHERE org_id = $1 AND import_id = $2)
UPDATE orders.import SET read_rows = 0, accepted = 0, refused = 0, done_at = NULL WHERE org_id = $1 AND id = $2
RETURNING id, read_rows, accepted, refused, done_at

-- name: insert_refused
INSERT INTO orders.refused (org_id, import_id, external_id, code, message)
SELECT $1, $2, r.* FROM unnest($3::text[], $4::text[], $5::text[]) r ON CONFLICT DO NOTHING

-- name: refused_of
SELECT external_id, code, message FROM orders.refused WHERE org_id = $1 AND import_id = $2 AND external_id > $3 ORDER BY external_id LIMIT $4

-- name: refused_counts
SELECT code, count(*) AS orders FROM orders.refused WHERE org_id = $1 AND import_id = $2 GROUP BY code ORDER BY orders DESC, code
