-- name: merchant_page
SELECT m.id, m.external_id, m.name, m.state, m.legal_form, m.country, m.created_at, a.channels
  FROM merchants.merchant m
  LEFT JOIN LATERAL (SELECT count(*) AS channels FROM merchants.account a WHERE a.org_id = $1 AND a.merchant_id = m.id AND a.state = 'active') a ON true
 WHERE m.org_id = $1 AND ($2::text = '' OR m.id < $2) AND ($3::text = '' OR m.state = $3)
   AND ($4::text = '' OR (lower(m.name) >= lower($4) AND lower(m.name) < lower($4) || chr(1114111)) OR m.external_id = $4)
 ORDER BY m.id DESC LIMIT $5

-- name: merchant_one
SELECT id, external_id, name, state, legal_form, trade_place, country, email, created_at,
       EXISTS (SELECT FROM settlement.merchant_pause p WHERE p.org_id = $1 AND p.merchant_id = $2) AS payouts_paused
  FROM merchants.merchant WHERE org_id = $1 AND id = $2

-- name: merchant_open_work
-- What a merchant sells or is a party to that is not over.
WITH his AS (
  SELECT order_id FROM orders.line WHERE org_id = $1 AND seller_id = $2
  UNION SELECT order_id FROM splits.allocation WHERE org_id = $1 AND party = $2
)
SELECT EXISTS (SELECT FROM his JOIN orders.purchase o ON o.org_id = $1 AND o.id = his.order_id
                WHERE o.state IN ('created', 'paid', 'releasing')) AS orders,
       EXISTS (SELECT FROM his JOIN orders.refund r ON r.org_id = $1 AND r.order_id = his.order_id
                WHERE r.state NOT IN ('succeeded', 'failed', 'canceled')) AS refunds,
       EXISTS (SELECT FROM settlement.payout p WHERE p.org_id = $1 AND p.merchant_id = $2
                AND p.state NOT IN ('paid', 'failed', 'canceled', 'returned')) AS payouts

-- name: merchant_accounts
SELECT a.id, a.channel_id, h.name AS channel, a.ref, a.kind, a.state, a.pays_out, a.needs, a.agreement, a.agreed_at
  FROM merchants.account a JOIN channels.channel h ON h.org_id = $1 AND h.id = a.channel_id
 WHERE a.org_id = $1 AND a.merchant_id = $2 ORDER BY a.created_at, a.id

-- name: merchant_instruments
SELECT i.id, i.channel_id, h.name AS channel, i.holder_name, i.last4, i.currency, i.state, i.requested_by, i.approved_by, i.usable_from, i.from_channel
  FROM merchants.instrument i JOIN channels.channel h ON h.org_id = $1 AND h.id = i.channel_id
 WHERE i.org_id = $1 AND i.merchant_id = $2 ORDER BY i.created_at, i.id

-- name: merchant_balances
-- From the custody book: what the holder says that each merchant owns, by what may be done with it.
SELECT a.owner_id AS merchant_id, p.channel_id, h.name AS channel, p.currency,
       coalesce(sum(a.normal_side * a.balance_minor - a.held_minor) FILTER (WHERE a.code LIKE '%:withdrawable'), 0)::bigint AS available_minor,
       coalesce(sum(a.held_minor), 0)::bigint AS reserved_minor,
       coalesce(sum(a.normal_side * a.balance_minor) FILTER (WHERE a.code LIKE '%:pending'), 0)::bigint AS pending_minor,
       coalesce(sum(a.normal_side * a.balance_minor) FILTER (WHERE a.code LIKE '%:frozen'), 0)::bigint AS frozen_minor
  FROM ledger.account a
  JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id AND p.book = 'custody'
  JOIN channels.channel h ON h.org_id = $1 AND h.id = p.channel_id
 WHERE a.org_id = $1 AND a.owner_id = ANY ($2::text[]) AND a.owner_id <> '' AND a.code LIKE 'member:%'
 GROUP BY a.owner_id, p.channel_id, h.name, p.currency ORDER BY h.name, p.currency

-- name: merchant_in_transit
SELECT merchant_id, channel_id, currency, sum(amount_minor)::bigint AS in_transit_minor FROM settlement.payout
 WHERE org_id = $1 AND merchant_id = ANY ($2::text[]) AND state IN ('submitted', 'processing', 'unknown') GROUP BY merchant_id, channel_id, currency

-- name: merchant_escrow
-- What orders that are not released yet will bring: the merchant's planned parts of money that is parked.
SELECT a.party AS merchant_id, c.channel_id, c.currency, sum(a.amount_minor - a.reversed_minor)::bigint AS escrow_minor
  FROM orders.line l
  JOIN orders.purchase o ON o.org_id = $1 AND o.id = l.order_id AND o.state IN ('paid', 'releasing')
  JOIN splits.allocation a ON a.org_id = $1 AND a.order_id = o.id AND a.party = l.seller_id
  JOIN orders.collection c ON c.org_id = $1 AND c.id = a.collection_id AND c.escrow_minor > 0
 WHERE l.org_id = $1 AND l.seller_id = ANY ($2::text[]) AND l.line = (SELECT min(f.line) FROM orders.line f WHERE f.org_id = $1 AND f.order_id = l.order_id AND f.seller_id = l.seller_id)
 GROUP BY a.party, c.channel_id, c.currency

-- name: merchant_statement
-- Every movement of a merchant's withdrawable money with the balance after it, newest first.
SELECT e.journal_id, j.recipe, j.reference, j.effective_at, p.channel_id, h.name AS channel, p.currency,
       (a.normal_side * e.amount_minor)::bigint AS amount_minor, (a.normal_side * e.balance_after)::bigint AS balance_after_minor
  FROM ledger.account a
  JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id AND p.book = 'custody'
  JOIN channels.channel h ON h.org_id = $1 AND h.id = p.channel_id
  JOIN ledger.entry e ON e.org_id = $1 AND e.account_id = a.id
  JOIN ledger.journal j ON j.org_id = $1 AND j.id = e.journal_id
 WHERE a.org_id = $1 AND a.owner_id = $2 AND a.owner_id <> '' AND a.code = 'member:' || $2 || ':withdrawable' AND e.journal_id < $3
 ORDER BY e.journal_id DESC LIMIT $4

-- name: payout_page
SELECT y.id, y.merchant_id, m.name AS merchant, y.channel_id, h.name AS channel, y.currency, y.amount_minor, y.fee_minor, y.state, y.needs_approval,
       y.requested_by, y.approved_by, y.ref, y.failure, y.requested_at, y.submitted_at, y.paid_at
  FROM settlement.payout y
  JOIN merchants.merchant m ON m.org_id = $1 AND m.id = y.merchant_id
  JOIN channels.channel h ON h.org_id = $1 AND h.id = y.channel_id
 WHERE y.org_id = $1 AND ($2::text = '' OR y.id < $2) AND ($3::text = '' OR y.state = $3) AND ($4::text = '' OR y.merchant_id = $4)
 ORDER BY y.id DESC LIMIT $5
