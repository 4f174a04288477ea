-- name: revenue
-- This and the next two from what each day added, so that they cost days and not invoices; `reports.change` is not folded yet.
SELECT u.currency, coalesce(sum(u.amount_minor) FILTER (WHERE u.measure LIKE 'mrr.%'), 0)::bigint AS mrr_minor,
       coalesce(sum(u.count) FILTER (WHERE u.measure IN ('state.active', 'state.past_due')), 0)::bigint AS paying,
       coalesce(sum(u.count) FILTER (WHERE u.measure = 'state.trialing'), 0)::bigint AS trialing
  FROM (SELECT measure, currency, amount_minor, count FROM reports.daily WHERE org_id = $1 AND measure >= 'mrr.' AND measure < 'state.~'
        UNION ALL SELECT measure, currency, amount_minor, count FROM reports.change WHERE org_id = $1 AND measure >= 'mrr.' AND measure < 'state.~') u
 GROUP BY u.currency ORDER BY 2 DESC

-- name: collected
SELECT u.currency, sum(u.amount_minor)::bigint AS collected_minor
  FROM (SELECT currency, amount_minor * CASE measure WHEN 'collected' THEN 1 ELSE -1 END AS amount_minor FROM reports.daily
         WHERE org_id = $1 AND measure IN ('collected', 'refunded') AND day >= ($2::timestamptz AT TIME ZONE 'UTC')::date
        UNION ALL SELECT currency, amount_minor * CASE measure WHEN 'collected' THEN 1 ELSE -1 END FROM reports.change
         WHERE org_id = $1 AND measure IN ('collected', 'refunded') AND day >= ($2::timestamptz AT TIME ZONE 'UTC')::date) u
 GROUP BY u.currency ORDER BY 2 DESC

-- name: outstanding
SELECT u.currency, sum(u.amount_minor)::bigint AS outstanding_minor, sum(u.count)::bigint AS invoices
  FROM (SELECT currency, amount_minor, count FROM reports.daily WHERE org_id = $1 AND measure = 'outstanding'
        UNION ALL SELECT currency, amount_minor, count FROM reports.change WHERE org_id = $1 AND measure = 'outstanding') u
 GROUP BY u.currency HAVING sum(u.count) <> 0 ORDER BY 2 DESC

-- name: orders_volume
SELECT currency, sum(collected_minor)::bigint AS collected_minor, count(*) AS orders FROM orders.purchase
 WHERE org_id = $1 AND placed_at >= $2 AND placed_at <= $3 GROUP BY currency ORDER BY 2 DESC

-- name: in_custody
-- What holders keep for others, from the custody book: everything that is owed, by channel.
SELECT p.channel_id, h.name AS channel, p.currency,
       coalesce(sum(a.normal_side * a.balance_minor) FILTER (WHERE a.code LIKE 'escrow:%'), 0)::bigint AS escrow_minor,
       coalesce(sum(a.normal_side * a.balance_minor) FILTER (WHERE a.code LIKE 'member:%'), 0)::bigint AS merchants_minor,
       coalesce(sum(a.normal_side * a.balance_minor) FILTER (WHERE a.code = 'fee'), 0)::bigint AS fee_minor,
       coalesce(sum(a.normal_side * a.balance_minor) FILTER (WHERE a.code LIKE '%_in_transit' AND a.normal_side = -1), 0)::bigint AS in_transit_minor,
       coalesce(sum(a.normal_side * a.balance_minor) FILTER (WHERE a.normal_side = -1), 0)::bigint AS total_minor
  FROM ledger.account a
  JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id AND p.book = 'custody'
  JOIN channels.channel h ON h.org_id = $1 AND h.id = p.channel_id
 WHERE a.org_id = $1 AND a.balance_minor <> 0 GROUP BY p.channel_id, h.name, p.currency ORDER BY h.name, p.currency

-- name: waiting
SELECT (SELECT count(*) FROM reconciliation.break WHERE org_id = $1 AND state IN ('open', 'assigned')) AS breaks,
       (SELECT count(*) FROM storage.job WHERE org_id = $1 AND state = 'buried')
       + (SELECT count(*) FROM channels.instruction WHERE org_id = $1 AND needs_person_since IS NOT NULL)
       + (SELECT count(*) FROM channels.stop WHERE org_id = $1)
       + (SELECT count(*) FROM channels.channel WHERE org_id = $1 AND stopped_at IS NOT NULL) AS buried,
       (SELECT count(*) FROM settlement.payout WHERE org_id = $1 AND state = 'requested' AND needs_approval) AS approvals,
       (SELECT count(*) FROM payments.dunning_case WHERE org_id = $1 AND state = 'open') AS recoveries

-- name: collected_per_day
WITH paid AS (
  SELECT u.day, sum(u.amount_minor)::bigint AS amount_minor
    FROM (SELECT day, amount_minor FROM reports.daily WHERE org_id = $1 AND measure = 'collected' AND currency = $2 AND day >= ($3::timestamptz AT TIME ZONE 'UTC')::date
          UNION ALL SELECT day, amount_minor FROM reports.change WHERE org_id = $1 AND measure = 'collected' AND currency = $2 AND day >= ($3::timestamptz AT TIME ZONE 'UTC')::date) u
   GROUP BY u.day)
SELECT d::date AS day, coalesce(paid.amount_minor, 0) AS amount_minor
  FROM generate_series(date_trunc('day', $3::timestamptz), $4::timestamptz, interval '1 day') d LEFT JOIN paid ON paid.day = d::date ORDER BY 1

-- name: orders_per_day
WITH placed AS (
  SELECT date_trunc('day', placed_at AT TIME ZONE 'UTC')::date AS day, sum(collected_minor)::bigint AS amount_minor FROM orders.purchase
   WHERE org_id = $1 AND currency = $2 AND placed_at >= date_trunc('day', $3::timestamptz) AND placed_at <= $4 GROUP BY 1)
SELECT d::date AS day, coalesce(placed.amount_minor, 0) AS amount_minor
  FROM generate_series(date_trunc('day', $3::timestamptz), $4::timestamptz, interval '1 day') d LEFT JOIN placed ON placed.day = d::date ORDER BY 1

-- name: find_customers
SELECT c.id, c.name, c.email FROM customers.customer c
 WHERE c.org_id = $1 AND c.id IN (SELECT t.customer_id FROM customers.token t WHERE t.org_id = $1 AND t.token >= $2 AND t.token < $2 || chr(1114111) LIMIT 200)
 ORDER BY c.id DESC LIMIT $3

-- name: find_invoices
-- By the digits of the number, because the index is over series and sequence.
SELECT i.id, i.number, i.status, i.currency, i.total_minor FROM invoicing.invoice i
 WHERE i.org_id = $1 AND i.series = ANY (ARRAY (SELECT key FROM invoicing.series WHERE org_id = $1))
   AND i.sequence = nullif(left(regexp_replace($2, '\D', '', 'g'), 18), '')::bigint AND i.number = upper($2) LIMIT $3

-- name: find_orders
SELECT o.id, o.external_id, o.state, o.currency, o.total_minor FROM orders.purchase o WHERE o.org_id = $1 AND o.external_id = $2 AND o.external_id <> '' LIMIT $3

-- name: find_merchants
SELECT m.id, m.name, m.external_id, m.state FROM merchants.merchant m
 WHERE m.org_id = $1 AND ((lower(m.name) >= lower($2) AND lower(m.name) < lower($2) || chr(1114111)) OR m.external_id = $2) ORDER BY m.name LIMIT $3
