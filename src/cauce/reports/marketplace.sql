-- name: orders
SELECT o.id, o.external_id, o.channel_id, o.currency, o.total_minor, o.collected_minor, o.refunded_minor, o.state, o.placed_at, o.paid_at,
       o.delivered_at, o.canceled_at, o.released_at
  FROM orders.purchase o
 WHERE o.org_id = $1 AND ($2::timestamptz IS NULL OR (o.placed_at, o.id) < ($2, $3)) AND ($5::text IS NULL OR o.state = $5)
   AND ($6::text IS NULL OR o.channel_id = $6)
   AND ($7::text IS NULL OR EXISTS (SELECT FROM orders.line l WHERE l.org_id = $1 AND l.seller_id = $7 AND l.order_id = o.id))
   AND ($8::text IS NULL OR o.external_id = $8)
 ORDER BY o.placed_at DESC, o.id DESC LIMIT $4

-- name: kept_payments
SELECT id, amount_minor, paid_at FROM orders.collection
 WHERE org_id = $1 AND channel_id = $2 AND state IN ('paid', 'cleared') ORDER BY paid_at, id LIMIT $3

-- name: finished_refunds
SELECT r.id, r.amount_minor FROM orders.refund r JOIN orders.collection c ON c.org_id = r.org_id AND c.id = r.collection_id
 WHERE r.org_id = $1 AND c.channel_id = $2 AND r.state = 'succeeded' ORDER BY r.id LIMIT $3

-- name: waterfall_parts
-- Who gets what of an order: each part with its merchant, how much came back, and the split that carried it.
SELECT a.collection_id, a.position, a.party, m.name, a.amount_minor, a.reversed_minor, a.is_rest, a.closed,
       s.id AS split_id, coalesce(s.state, 'planned') AS state, s.applied_at, s.ref
  FROM splits.allocation a
  LEFT JOIN merchants.merchant m ON m.org_id = a.org_id AND m.id = a.party
  LEFT JOIN LATERAL (
    SELECT s.id, s.state, s.applied_at, s.ref FROM splits.split s
     WHERE s.org_id = a.org_id AND s.collection_id = a.collection_id AND s.state <> 'failed'
       AND (a.position BETWEEN s.first_position AND s.last_position OR (a.is_rest AND s.finishes) OR (a.party = 'fee' AND s.fee_minor > 0))
     ORDER BY s.finishes = a.is_rest DESC, s.created_at DESC LIMIT 1) s ON true
 WHERE a.org_id = $1 AND a.order_id = $2 ORDER BY a.collection_id, a.position

-- name: waterfall_collections
SELECT id, owner_id, method, amount_minor, fee_minor, escrow_minor, released_minor, refunded_minor, fee_returned_minor, ref, state, paid_at,
       freeze_ends_at
  FROM orders.collection WHERE org_id = $1 AND order_id = $2 ORDER BY id

-- name: waterfall_instructions
SELECT key, purpose, operation, state, ref, sends, asks, created_at, concluded_at, outcome
  FROM channels.instruction WHERE org_id = $1 AND object_id = $2 ORDER BY created_at, key

-- name: merchants
SELECT m.id, m.external_id, m.name, m.legal_form, m.trade_place, m.country, m.state, m.created_at
  FROM merchants.merchant m
 WHERE m.org_id = $1 AND m.id > $2 AND ($4::text IS NULL OR m.state = $4)
   AND ($5::text IS NULL OR lower(m.name) LIKE lower($5) || '%' OR m.external_id = $5)
 ORDER BY m.id LIMIT $3

-- name: merchant_balances
SELECT p.channel_id, p.currency, a.owner_id AS merchant_id, split_part(a.code, ':', 3) AS kind, (a.normal_side * a.balance_minor)::bigint AS minor, a.held_minor
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id
 WHERE a.org_id = $1 AND a.owner_id = ANY ($2::text[]) AND a.owner_id <> '' AND p.book = 'custody' AND a.code LIKE 'member:%' ORDER BY 1, 2, 3, 4

-- name: payouts
SELECT p.id, p.merchant_id, m.name, p.channel_id, p.currency, p.amount_minor, p.fee_minor, p.state, p.needs_approval, p.requested_by,
       p.approved_by, p.failure, p.requested_at, p.paid_at, p.batch_id
  FROM settlement.payout p JOIN merchants.merchant m ON m.org_id = p.org_id AND m.id = p.merchant_id
 WHERE p.org_id = $1 AND ($2::text IS NULL OR p.id < $2) AND ($4::text IS NULL OR p.state = $4) AND ($5::text IS NULL OR p.merchant_id = $5)
 ORDER BY p.id DESC LIMIT $3

-- name: all_breaks
SELECT b.id, b.channel_id, b.type, b.kind, b.key, b.order_id, coalesce(o.external_id, '') AS order_number, b.currency, b.ours_minor,
       b.theirs_minor, b.amount_minor, b.severity, b.state, b.case_id, b.due_at, b.found_at, b.resolution, b.resolved_by, b.approved_by
  FROM reconciliation.break b LEFT JOIN orders.purchase o ON o.org_id = b.org_id AND o.id = b.order_id
 WHERE b.org_id = $1 AND ($2::text IS NULL OR b.id < $2) AND ($4::text IS NULL OR b.channel_id = $4)
   AND (NOT $5 OR b.state IN ('open', 'assigned'))
 ORDER BY b.id DESC LIMIT $3

-- name: runs
SELECT id, channel_id, from_at, until_at, lines, ours, matched, breaks, state, started_at, closed_at
  FROM reconciliation.run WHERE org_id = $1 AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3

-- name: one_run
SELECT id, channel_id, from_at, until_at, lines, ours, matched, breaks, state, started_at, closed_at
  FROM reconciliation.run WHERE org_id = $1 AND id = $2

-- name: batches
SELECT b.id, b.merchant_id, m.name, b.channel_id, b.currency, b.runs_on, b.balance_minor, b.retained_minor, b.payout_minor
  FROM settlement.batch b JOIN merchants.merchant m ON m.org_id = b.org_id AND m.id = b.merchant_id
 WHERE b.org_id = $1 AND ($2::text IS NULL OR b.id < $2) AND ($4::text IS NULL OR b.merchant_id = $4) ORDER BY b.id DESC LIMIT $3

-- name: order_days
-- The days on which an order of this channel is placed, delivered or canceled.
SELECT DISTINCT ((x.at AT TIME ZONE 'UTC') - interval '1 microsecond')::date + 1 AS day
  FROM orders.purchase o CROSS JOIN LATERAL (VALUES (o.placed_at), (o.deliver_at), (o.cancel_at)) x(at)
 WHERE o.org_id = $1 AND o.channel_id = $2 AND x.at IS NOT NULL ORDER BY 1

-- name: money_days
SELECT DISTINCT (j.effective_at AT TIME ZONE 'UTC')::date AS day
  FROM ledger.pool p JOIN ledger.account a ON a.org_id = p.org_id AND a.pool_id = p.id
  JOIN ledger.entry e ON e.org_id = a.org_id AND e.account_id = a.id JOIN ledger.journal j ON j.org_id = e.org_id AND j.id = e.journal_id
 WHERE p.org_id = $1 AND p.book = 'custody' AND p.channel_id = $2 ORDER BY 1

-- name: job_sums
SELECT (SELECT coalesce(sum(amount_minor), 0) FROM settlement.payout WHERE org_id = $1 AND channel_id = $2 AND state = 'paid')::bigint AS paid_out_minor,
       (SELECT coalesce(sum(r.amount_minor), 0) FROM orders.refund r JOIN orders.purchase o ON o.org_id = r.org_id AND o.id = r.order_id
         WHERE r.org_id = $1 AND o.channel_id = $2 AND r.state = 'succeeded')::bigint AS refunded_minor

-- name: party_sums
-- Where the money that buyers paid through a channel is: by party, in minor units of the channel's one currency.
SELECT (SELECT coalesce(sum(c.amount_minor), 0) FROM orders.collection c JOIN orders.purchase o ON o.org_id = $1 AND o.id = c.order_id
         WHERE c.org_id = $1 AND o.channel_id = $2 AND c.paid_at IS NOT NULL)::bigint AS buyers_paid_minor,
       (SELECT coalesce(sum(r.amount_minor), 0) FROM orders.refund r JOIN orders.purchase o ON o.org_id = $1 AND o.id = r.order_id
         WHERE r.org_id = $1 AND o.channel_id = $2 AND r.state = 'succeeded')::bigint AS refunded_to_buyers_minor,
       (SELECT coalesce(sum(amount_minor), 0) FROM settlement.payout WHERE org_id = $1 AND channel_id = $2 AND state = 'paid')::bigint AS in_sellers_banks_minor,
       coalesce(b.sellers, 0)::bigint AS sellers_at_the_holder_minor, coalesce(b.escrow, 0)::bigint AS waiting_for_delivery_minor,
       (SELECT coalesce(sum(-a.balance_minor), 0) FROM ledger.pool p JOIN ledger.account a ON a.org_id = $1 AND a.pool_id = p.id
         WHERE p.org_id = $1 AND p.book = 'platform' AND p.currency = (SELECT o.currency FROM orders.purchase o WHERE o.org_id = $1 AND o.channel_id = $2 LIMIT 1)
           AND a.code IN ('revenue', 'provider_cost', 'loss', 'subsidy_expense'))::bigint AS commission_minor,
       (SELECT coalesce(sum(c.fee_minor), 0) FROM orders.collection c JOIN orders.purchase o ON o.org_id = $1 AND o.id = c.order_id
         WHERE c.org_id = $1 AND o.channel_id = $2)::bigint
       -- What comes back with a refund counts once it has: one that waits for its seller's balance has brought nothing.
       - (SELECT coalesce(sum(c.fee_returned_minor), 0) FROM orders.collection c JOIN orders.purchase o ON o.org_id = $1 AND o.id = c.order_id
           WHERE c.org_id = $1 AND o.channel_id = $2)::bigint
       + (SELECT coalesce(sum(r.fee_expected_minor), 0) FROM orders.refund r JOIN orders.purchase o ON o.org_id = $1 AND o.id = r.order_id
           WHERE r.org_id = $1 AND o.channel_id = $2 AND r.state NOT IN ('succeeded', 'failed'))::bigint AS provider_fees_minor
  FROM (SELECT sum(a.normal_side * a.balance_minor) FILTER (WHERE a.code LIKE 'member:%' OR a.code LIKE '%_in_transit' AND a.normal_side = -1) AS sellers,
               sum(a.normal_side * a.balance_minor) FILTER (WHERE a.code LIKE 'escrow:%') AS escrow
          FROM ledger.pool p JOIN ledger.account a ON a.org_id = $1 AND a.pool_id = p.id
         WHERE p.org_id = $1 AND p.book = 'custody' AND p.channel_id = $2) b

-- name: trial_balance
SELECT p.book, p.currency, sum(a.balance_minor)::bigint AS minor FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id
 WHERE a.org_id = $1 GROUP BY 1, 2 ORDER BY 1, 2
