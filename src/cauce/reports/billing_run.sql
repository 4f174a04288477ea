-- name: surroundings
-- Everything that a chunk of subscriptions is billed by, in one query: one row each, in the order of $2.
SELECT s.id, s.customer_id, s.currency, seller.due_notice_days, c.country, c.tax_treatment, c.suspended_at IS NOT NULL AS suspended,
       (jsonb_build_object('name', c.name, 'email', c.email, 'address', c.address, 'country', c.country, 'tax_ids', c.tax_ids, 'locale', c.locale,
         'tax_treatment', c.tax_treatment) || seller.said)::text AS snapshot,
       coalesce(-credit.balance_minor - credit.held_minor, 0) - coalesce(carried.balance_minor, 0) AS credit_minor,
       i.ids, i.price_ids, i.quantities, i.adjust_minor, i.adjust_percent, i.phases_from, coalesce(s.anchor_day, extract(day FROM s.anchor_on)::smallint) AS anchor_day,
       d.discounts, p.pending, u.used,
       EXISTS (SELECT FROM payments.method m WHERE m.org_id = $1 AND m.customer_id = s.customer_id AND m.removed_at IS NULL AND m.usable) AS has_method
  FROM unnest($2::text[]) WITH ORDINALITY w(id, n)
 CROSS JOIN (SELECT jsonb_build_object('seller', coalesce(nullif(o.legal_name, ''), o.name), 'seller_address', o.legal_address,
               'seller_tax_id', o.tax_id, 'seller_country', o.country) AS said,
               (o.settings->'billing'->>'due_notice_days')::int AS due_notice_days FROM directory.org o WHERE o.id = $1) seller
  JOIN subscriptions.subscription s ON s.org_id = $1 AND s.id = w.id
  JOIN customers.customer c ON c.org_id = $1 AND c.id = s.customer_id
  LEFT JOIN ledger.pool pool ON pool.org_id = $1 AND pool.book = 'platform' AND pool.channel_id = '' AND pool.currency = s.currency
  LEFT JOIN ledger.account credit ON credit.org_id = $1 AND credit.pool_id = pool.id AND credit.code = 'customer:' || s.customer_id || ':credit'
  LEFT JOIN ledger.account carried ON carried.org_id = $1 AND carried.pool_id = pool.id AND carried.code = 'customer:' || s.customer_id || ':carried'
  LEFT JOIN LATERAL (
    SELECT array_agg(x.id ORDER BY x.id) AS ids, array_agg(x.price_id ORDER BY x.id) AS price_ids, array_agg(x.quantity ORDER BY x.id) AS quantities,
           array_agg(x.adjust_minor ORDER BY x.id) AS adjust_minor, array_agg(x.adjust_percent ORDER BY x.id) AS adjust_percent,
           array_agg(x.phases_from ORDER BY x.id) AS phases_from
      FROM subscriptions.item x WHERE x.org_id = $1 AND x.subscription_id = s.id AND x.removed_at IS NULL) i ON true
  LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('id', x.id, 'percent', x.percent::text, 'amount_minor', x.amount_minor, 'product_ids', x.product_ids,
                       'once', k.duration = 'once') ORDER BY x.created_at, x.id) AS discounts
      FROM subscriptions.discount x JOIN catalog.coupon k ON k.org_id = $1 AND k.id = x.coupon_id
     WHERE x.org_id = $1 AND x.subscription_id = s.id AND (x.periods_left IS NULL OR x.periods_left > 0)) d ON true
  LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('id', x.id, 'kind', x.kind, 'description', x.description, 'product_id', x.product_id, 'item_id', x.item_id,
                       'price_id', x.price_id, 'quantity', x.quantity::text, 'amount_minor', x.amount_minor, 'tax_category', x.tax_category,
                       'tax_inclusive', x.tax_inclusive, 'net_of_percent', x.net_of_percent, 'period_start', x.period_start, 'period_end', x.period_end, 'starts_at', x.starts_at) ORDER BY x.id) AS pending
      FROM invoicing.pending_line x WHERE x.org_id = $1 AND x.subscription_id = s.id AND x.state = 'waiting' AND x.currency = s.currency) p ON true
  LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(m.meter_key, jsonb_build_array(m.events, m.total::text, m.highest::text, m.latest::text)) AS used FROM (
      SELECT r.meter_key, sum(r.events) AS events, sum(r.total) AS total, max(r.highest) AS highest,
             (array_agg(r.latest ORDER BY r.latest_at DESC))[1] AS latest
        FROM usage.rollup r
       WHERE r.org_id = $1 AND r.subscription_id = s.id AND r.day >= greatest(s.period_start, s.usage_from) AND r.day < s.period_end
       GROUP BY r.meter_key) m) u ON true
 ORDER BY w.n

-- name: distinct_values
SELECT v.subscription_id, v.meter_key, w.since, count(DISTINCT v.value) AS values
  FROM unnest($2::text[], $3::text[], $4::date[], $5::date[]) w(subscription_id, meter_key, since, until)
  JOIN usage.distinct_value v ON v.org_id = $1 AND v.subscription_id = w.subscription_id AND v.meter_key = w.meter_key AND v.day >= w.since AND v.day < w.until
 GROUP BY v.subscription_id, v.meter_key, w.since

-- name: event_values
-- The values of a meter's events one by one, in order of arrival, for prices that rate each; what was taken back below zero is none.
SELECT w.subscription_id, w.meter_key, w.since, array_agg(e.value ORDER BY e.recorded_at, e.occurred_at, e.source, e.event_id) AS values
  FROM unnest($2::text[], $3::text[], $4::date[], $5::date[]) w(subscription_id, meter_key, since, until)
  JOIN usage.event e ON e.org_id = $1 AND e.subscription_id = w.subscription_id AND e.meter_key = w.meter_key AND e.day >= w.since AND e.day < w.until
 WHERE e.value >= 0
   AND NOT EXISTS (SELECT FROM usage.correction c WHERE c.org_id = $1 AND c.source = e.source AND c.event_id = e.event_id)
 GROUP BY w.subscription_id, w.meter_key, w.since

-- name: used_between
SELECT w.subscription_id, w.since, r.meter_key, sum(r.events) AS events, sum(r.total)::text AS total, max(r.highest)::text AS highest,
       (array_agg(r.latest ORDER BY r.latest_at DESC))[1]::text AS latest
  FROM unnest($2::text[], $3::date[], $4::date[]) w(subscription_id, since, until)
  JOIN usage.rollup r ON r.org_id = $1 AND r.subscription_id = w.subscription_id AND r.day >= w.since AND r.day < w.until
 GROUP BY w.subscription_id, w.since, r.meter_key

-- name: weighted
-- The level that the days before left holds from the beginning; each event's level holds until the next event.
SELECT w.subscription_id, w.meter_key, w.since, coalesce(q.area, 0) AS area,
       extract(epoch FROM (w.full_until::timestamp AT TIME ZONE w.timezone) - (w.full_since::timestamp AT TIME ZONE w.timezone)) AS seconds
  FROM (SELECT u.*, u.since::timestamp AT TIME ZONE u.timezone AS since_at,
               least(u.until::timestamp AT TIME ZONE u.timezone, $9::timestamptz) AS until_at
          FROM unnest($2::text[], $3::text[], $4::date[], $5::date[], $6::date[], $7::date[], $8::text[])
               u(subscription_id, meter_key, since, until, full_since, full_until, timezone)) w
  LEFT JOIN LATERAL (
    SELECT sum(l.level * extract(epoch FROM l.till - l.at)) AS area FROM (
      SELECT p.level, p.at, lead(p.at, 1, w.until_at) OVER (ORDER BY p.at, p.recorded_at NULLS FIRST, p.event_id) AS till FROM (
        (SELECT r.latest AS level, w.since_at AS at, NULL::timestamptz AS recorded_at, '' AS event_id FROM usage.rollup r
          WHERE r.org_id = $1 AND r.subscription_id = w.subscription_id AND r.meter_key = w.meter_key AND r.day < w.since ORDER BY r.day DESC LIMIT 1)
        UNION ALL
        SELECT e.value, greatest(e.occurred_at, w.since_at), e.recorded_at, e.event_id FROM usage.event e
         WHERE e.org_id = $1 AND e.subscription_id = w.subscription_id AND e.meter_key = w.meter_key AND e.day >= w.since AND e.day < w.until
           AND e.occurred_at < w.until_at
           AND NOT EXISTS (SELECT FROM usage.correction c WHERE c.org_id = $1 AND c.source = e.source AND c.event_id = e.event_id)) p) l) q ON true

-- name: aggregations
SELECT key, aggregation FROM usage.meter WHERE org_id = $1

-- name: usage_targets
-- Whose subscription a customer's use of a meter counts for: the oldest live one that has a price or a quota by it. Each step is a
-- look-up by key for one row of the step before (OFFSET 0, LIMIT): joined freely, a plan made while the tables were small
-- compares every customer with every subscription.
SELECT w.external_id, t.meter_key, c.id AS customer_id, t.subscription_id, t.timezone, t.limited, t.period_start, t.due_at
  FROM unnest($2::text[]) w(external_id)
 CROSS JOIN LATERAL (SELECT c.id FROM customers.customer c WHERE c.org_id = $1 AND c.external_id = w.external_id LIMIT 1) c
  LEFT JOIN LATERAL (
    SELECT DISTINCT ON (p.meter_key) p.meter_key, s.id AS subscription_id, s.timezone, p.limited, s.period_start, s.due_at
      FROM (SELECT s.id, s.timezone, greatest(s.period_start, s.usage_from) AS period_start, s.due_at FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.customer_id = c.id
               AND s.status IN ('trialing', 'active', 'past_due', 'incomplete', 'unpaid') OFFSET 0) s
     CROSS JOIN LATERAL (
       SELECT j.value ->> 'meter' AS meter_key, true AS limited
         FROM (SELECT a.limits FROM entitlements.access a WHERE a.org_id = $1 AND a.subscription_id = s.id OFFSET 0) a, jsonb_each(a.limits) j
       UNION ALL
       SELECT p.meter_key, false
         FROM (SELECT i.price_id FROM subscriptions.item i WHERE i.org_id = $1 AND i.subscription_id = s.id AND i.removed_at IS NULL OFFSET 0) i
        CROSS JOIN LATERAL (SELECT p.meter_key FROM catalog.price p WHERE p.org_id = $1 AND p.id = i.price_id AND p.meter_key IS NOT NULL OFFSET 0) p) p
     ORDER BY p.meter_key, s.id, p.limited DESC) t ON true
