-- name: standing
-- What is used of each limited feature of subscriptions in their running period, or since their trial began.
SELECT a.subscription_id, a.customer_id, e.feature, e.overage, e.warn_percent, (a.features ->> e.feature)::bigint AS quota, s.since AS period_start,
       coalesce(CASE m.aggregation WHEN 'count' THEN u.events::numeric WHEN 'max' THEN u.highest WHEN 'latest' THEN u.latest
                                   WHEN 'unique' THEN d.many::numeric WHEN 'weighted' THEN v.level ELSE u.total END, 0) AS used
  FROM unnest($2::text[]) w(subscription_id)
 CROSS JOIN LATERAL (SELECT a.* FROM entitlements.access a WHERE a.org_id = $1 AND a.subscription_id = w.subscription_id OFFSET 0) a
 CROSS JOIN LATERAL (SELECT j.key AS feature, j.value ->> 'meter' AS meter, j.value ->> 'overage' AS overage, j.value -> 'warn_percent' AS warn_percent
                       FROM jsonb_each(a.limits) j) e
 CROSS JOIN LATERAL (SELECT coalesce(s.period_start, (coalesce(s.trial_start, s.created_at) AT TIME ZONE s.timezone)::date) AS since,
                            coalesce(s.period_end, 'infinity'::date) AS until
                       FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.id = a.subscription_id OFFSET 0) s
  LEFT JOIN usage.meter m ON m.org_id = $1 AND m.key = e.meter
  LEFT JOIN LATERAL (SELECT sum(r.events) AS events, sum(r.total) AS total, max(r.highest) AS highest,
                            (array_agg(r.latest ORDER BY r.latest_at DESC))[1] AS latest
                       FROM usage.rollup r WHERE r.org_id = $1 AND r.subscription_id = a.subscription_id AND r.meter_key = e.meter
                        AND r.day >= s.since AND r.day < s.until) u ON true
  LEFT JOIN LATERAL (SELECT count(DISTINCT v.value) AS many FROM usage.distinct_value v
                      WHERE m.aggregation = 'unique' AND v.org_id = $1 AND v.subscription_id = a.subscription_id AND v.meter_key = e.meter
                        AND v.day >= s.since AND v.day < s.until) d ON true
  LEFT JOIN LATERAL (SELECT r.latest AS level FROM usage.rollup r
                      WHERE m.aggregation = 'weighted' AND r.org_id = $1 AND r.subscription_id = a.subscription_id AND r.meter_key = e.meter
                        AND r.day < s.until ORDER BY r.day DESC LIMIT 1) v ON true
 ORDER BY a.subscription_id, e.feature
