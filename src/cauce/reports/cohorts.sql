-- name: cohorts
-- What each customer pays a month at the end of each month since the first, summed over his subscriptions of a currency.
WITH step AS (
  SELECT h.customer_id, h.currency, date_trunc('month', h.at AT TIME ZONE 'UTC') AS month, sum(h.mrr_after_minor - h.mrr_before_minor) AS change,
         bool_or(h.mrr_after_minor > 0) AS paid
    FROM subscriptions.history h
   WHERE h.org_id = $1 AND h.mrr_after_minor <> h.mrr_before_minor AND h.at < ($3::date + 1)::timestamp AT TIME ZONE 'UTC'
   GROUP BY 1, 2, 3
), standing AS (
  SELECT customer_id, currency, month, sum(change) OVER w AS mrr, min(month) OVER (PARTITION BY customer_id, currency) AS cohort,
         coalesce(lead(month) OVER w, date_trunc('month', $3::timestamp) + interval '1 month') AS next_month
    FROM step WINDOW w AS (PARTITION BY customer_id, currency ORDER BY month)
)
SELECT s.currency, s.cohort::date AS cohort, ((extract(year FROM m) - extract(year FROM s.cohort)) * 12 + extract(month FROM m) - extract(month FROM s.cohort))::int AS month,
       count(*) AS size, count(*) FILTER (WHERE s.mrr > 0) AS customers, coalesce(sum(s.mrr) FILTER (WHERE s.mrr > 0), 0)::bigint AS mrr_minor
  FROM standing s CROSS JOIN LATERAL generate_series(s.month, s.next_month - interval '1 month', interval '1 month') m
 WHERE s.cohort >= date_trunc('month', $2::timestamp)
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3

-- name: effects
WITH met AS (
  SELECT s.campaign, s.customer_id, bool_or(m.state = 'sent') AS reached,
         coalesce(min(m.created_at) FILTER (WHERE m.state = 'sent'), min(s.planned_at)) AS at
    FROM outreach.step s LEFT JOIN outreach.message m ON m.org_id = $1 AND m.id = s.message_id
   WHERE s.org_id = $1 AND s.state <> 'waiting' GROUP BY 1, 2
)
SELECT e.campaign, CASE WHEN e.reached THEN 'reached' ELSE 'held_back' END AS met, count(*) AS customers,
       count(*) FILTER (WHERE EXISTS (
         SELECT FROM subscriptions.subscription x JOIN subscriptions.history h ON h.org_id = $1 AND h.subscription_id = x.id
          WHERE x.org_id = $1 AND x.customer_id = e.customer_id AND h.mrr_after_minor > h.mrr_before_minor
            AND h.at >= e.at AND h.at < e.at + make_interval(days => $4))) AS gained
  FROM (SELECT campaign, customer_id, coalesce(reached, false) AS reached, at FROM met) e
 WHERE e.at >= $2 AND e.at < $3 GROUP BY 1, 2 ORDER BY 1, 2 DESC
