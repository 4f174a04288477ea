-- name: totals
-- Every measure up to a day and since another, per currency; what is not folded yet counts as well.
SELECT u.measure, u.currency, sum(u.amount_minor)::bigint AS amount_minor, sum(u.count)::bigint AS count,
       coalesce(sum(u.amount_minor) FILTER (WHERE u.day >= $2), 0)::bigint AS since_minor, coalesce(sum(u.count) FILTER (WHERE u.day >= $2), 0)::bigint AS since_count
  FROM (SELECT measure, currency, day, amount_minor, count FROM reports.daily WHERE org_id = $1 AND day <= $3
        UNION ALL SELECT measure, currency, day, amount_minor, count FROM reports.change WHERE org_id = $1 AND day <= $3) u
 GROUP BY u.measure, u.currency ORDER BY u.currency, u.measure

-- name: per_day
-- What each day from $2 to $3 added to recurring revenue and to money, per currency; days without a change are left out.
SELECT u.day, u.currency, coalesce(sum(u.amount_minor) FILTER (WHERE u.measure LIKE 'mrr.%'), 0)::bigint AS mrr_change_minor,
       coalesce(sum(u.amount_minor) FILTER (WHERE u.measure = 'invoiced'), 0)::bigint AS invoiced_minor,
       coalesce(sum(u.amount_minor) FILTER (WHERE u.measure = 'collected'), 0)::bigint AS collected_minor,
       coalesce(sum(u.amount_minor) FILTER (WHERE u.measure = 'refunded'), 0)::bigint AS refunded_minor,
       coalesce(sum(u.amount_minor) FILTER (WHERE u.measure = 'outstanding'), 0)::bigint AS outstanding_change_minor
  FROM (SELECT measure, currency, day, amount_minor FROM reports.daily WHERE org_id = $1 AND day BETWEEN $2 AND $3
        UNION ALL SELECT measure, currency, day, amount_minor FROM reports.change WHERE org_id = $1 AND day BETWEEN $2 AND $3) u
 GROUP BY u.day, u.currency ORDER BY u.day, u.currency

-- name: movements
SELECT date_trunc('month', u.day)::date AS month, u.currency, substr(u.measure, 5) AS kind, sum(u.amount_minor)::bigint AS change_minor, sum(u.count)::bigint AS steps
  FROM (SELECT measure, currency, day, amount_minor, count FROM reports.daily WHERE org_id = $1 AND measure >= 'mrr.' AND measure < 'mrr.~' AND day BETWEEN $2 AND $3
        UNION ALL SELECT measure, currency, day, amount_minor, count FROM reports.change
         WHERE org_id = $1 AND measure >= 'mrr.' AND measure < 'mrr.~' AND day BETWEEN $2 AND $3) u
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3

-- name: ageing
-- What was outstanding on a day, by how many days it was overdue then.
SELECT u.currency, CASE WHEN $2::date <= u.of_day THEN 0 WHEN $2 - u.of_day <= 30 THEN 30 WHEN $2 - u.of_day <= 60 THEN 60 ELSE 90 END AS days_up_to,
       sum(u.amount_minor)::bigint AS amount_minor, sum(u.count)::bigint AS invoices
  FROM (SELECT currency, of_day, amount_minor, count FROM reports.daily WHERE org_id = $1 AND measure = 'outstanding' AND day <= $2
        UNION ALL SELECT currency, of_day, amount_minor, count FROM reports.change WHERE org_id = $1 AND measure = 'outstanding' AND day <= $2) u
 GROUP BY 1, 2 HAVING sum(u.amount_minor) <> 0 OR sum(u.count) <> 0 ORDER BY 1, 2

-- name: deferred
-- What is billed and not yet revenue, by the month in which it becomes revenue: per line, day by day, the last day takes
-- the rest, half a minor unit away from zero (G13). A month that is over and not posted yet stands with what is due.
WITH line AS (
  SELECT i.currency, l.period_start AS start, l.period_end AS ending, l.period_end - l.period_start AS days, l.net_minor - l.credited_net_minor AS net, l.recognized_minor AS done
    FROM invoicing.line l JOIN invoicing.invoice i ON i.org_id = l.org_id AND i.id = l.invoice_id
   WHERE l.org_id = $1 AND l.deferred AND l.recognized_minor <> l.net_minor - l.credited_net_minor
), part AS (
  SELECT line.currency, m.month::date AS month, line.net, line.done, line.days,
         greatest(least((m.month + interval '1 month')::date, line.ending) - line.start, 0) AS served_until,
         greatest(least(m.month::date, line.ending) - line.start, 0) AS served_before
    FROM line CROSS JOIN LATERAL generate_series(date_trunc('month', line.start), line.ending - 1, interval '1 month') m(month)
), earned AS (
  SELECT currency, month, sign(net)::int AS sign, sign(net)::int * done AS done,
         (abs(net) * served_until * 2 + days) / (days * 2) AS upto, (abs(net) * served_before * 2 + days) / (days * 2) AS before
    FROM part
)
SELECT currency, month, sum(sign * (greatest(upto, done) - greatest(before, done)))::bigint AS amount_minor, count(*) AS lines
  FROM earned WHERE upto > done GROUP BY 1, 2 ORDER BY 1, 2

-- name: books
-- What the ledger says: earned, still to be earned, owed as tax, owed by customers, and their credit.
SELECT p.currency,
       coalesce(-sum(a.balance_minor) FILTER (WHERE a.code = 'revenue'), 0)::bigint AS revenue_minor,
       coalesce(-sum(a.balance_minor) FILTER (WHERE a.code = 'deferred'), 0)::bigint AS deferred_minor,
       coalesce(-sum(a.balance_minor) FILTER (WHERE a.code = 'tax_payable'), 0)::bigint AS tax_minor
  FROM ledger.pool p CROSS JOIN LATERAL unnest(ARRAY['revenue', 'deferred', 'tax_payable']) c(code)
  JOIN ledger.account a ON a.org_id = $1 AND a.pool_id = p.id AND a.code = c.code
 WHERE p.org_id = $1 AND p.book = 'platform' AND p.channel_id = '' GROUP BY p.currency ORDER BY p.currency

-- name: people
SELECT (SELECT count(*) FROM customers.customer WHERE org_id = $1) AS total,
       (SELECT count(DISTINCT s.customer_id) FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.status IN ('trialing', 'active', 'past_due')) AS active,
       (SELECT count(*) FROM customers.customer WHERE org_id = $1 AND suspended_at IS NOT NULL) AS suspended,
       (SELECT count(DISTINCT d.customer_id) FROM payments.dunning_case d WHERE d.org_id = $1 AND d.state = 'open') AS flagged,
       (SELECT count(DISTINCT m.customer_id) FROM payments.method m WHERE m.org_id = $1 AND m.removed_at IS NULL AND m.usable) AS with_method

-- name: sold
-- Subscriptions by plan and interval, what waits for a decision, what is left of fixed terms.
SELECT p.key AS plan, s.currency, s.interval_unit, s.interval_count, count(*) FILTER (WHERE s.status IN ('trialing', 'active', 'past_due')) AS running,
       count(*) FILTER (WHERE s.status = 'draft') AS requested,
       count(*) FILTER (WHERE s.cancellation = 'waiting' OR s.cancel_at_period_end) AS waiting_cancellation,
       count(*) FILTER (WHERE s.status = 'canceled') AS canceled,
       coalesce(sum(s.periods_max - s.period_index - 1) FILTER (WHERE s.periods_max IS NOT NULL AND s.status IN ('active', 'past_due')), 0)::bigint AS charges_left,
       coalesce(sum(s.mrr_minor) FILTER (WHERE s.status IN ('active', 'past_due')), 0)::bigint AS mrr_minor
  FROM subscriptions.subscription s JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
 WHERE s.org_id = $1 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4

-- name: sales
-- What was billed by kind of line between two days.
SELECT i.currency, l.kind, sum(l.net_minor - l.credited_net_minor)::bigint AS net_minor, count(*) AS lines
  FROM invoicing.invoice i JOIN invoicing.line l ON l.org_id = $1 AND l.invoice_id = i.id
 WHERE i.org_id = $1 AND i.issued_on BETWEEN $2 AND $3 AND i.status <> 'void' GROUP BY 1, 2 ORDER BY 1, 2

-- name: first_payments
-- Days and seconds from a customer's beginning to his first payment, per week of that payment.
SELECT date_trunc('week', f.paid_at AT TIME ZONE 'UTC')::date AS week, count(*) AS customers,
       extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY f.took))::bigint AS median_seconds,
       extract(epoch FROM percentile_disc(0.95) WITHIN GROUP (ORDER BY f.took))::bigint AS p95_seconds
  FROM (SELECT c.id, x.paid_at, x.paid_at - c.created_at AS took FROM customers.customer c
         CROSS JOIN LATERAL (SELECT p.paid_at FROM payments.payment p WHERE p.org_id = $1 AND p.customer_id = c.id ORDER BY p.customer_id, p.id LIMIT 1) x
         WHERE c.org_id = $1) f
 WHERE f.paid_at >= $2 AND f.paid_at < $3 GROUP BY 1 ORDER BY 1

-- name: ready_instances
-- From the request of an instance to the instance that is ready, per week.
SELECT date_trunc('week', r.occurred_at AT TIME ZONE 'UTC')::date AS week, count(*) AS instances,
       extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY r.occurred_at - q.occurred_at))::bigint AS median_seconds,
       extract(epoch FROM percentile_disc(0.95) WITHIN GROUP (ORDER BY r.occurred_at - q.occurred_at))::bigint AS p95_seconds
  FROM storage.event r
 CROSS JOIN LATERAL (SELECT e.occurred_at FROM storage.event e WHERE e.org_id = $1 AND e.object_id = r.object_id AND e.type = 'instance.requested' ORDER BY e.sequence LIMIT 1) q
 WHERE r.org_id = $1 AND r.type = 'instance.ready' AND r.occurred_at >= $2 AND r.occurred_at < $3 GROUP BY 1 ORDER BY 1

-- name: recovery
-- Recoveries that began between two days, by plan, policy (days between tries) and the retry after which they stand: how many
-- were recovered, and how much.
SELECT p.key AS plan, array_to_string(ARRAY(SELECT jsonb_array_elements_text(d.policy->'retry_days')), ' ') AS retry_days, d.currency,
       d.tries AS step, count(*) AS cases, count(*) FILTER (WHERE d.state = 'recovered') AS recovered,
       count(*) FILTER (WHERE d.state = 'open') AS open, sum(d.recovered_minor)::bigint AS recovered_minor,
       (count(*) FILTER (WHERE d.state = 'recovered') * 10000 / count(*))::bigint AS recovered_bps
  FROM payments.dunning_case d
  JOIN subscriptions.subscription s ON s.org_id = $1 AND s.id = d.subscription_id
  JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
 WHERE d.org_id = $1 AND d.started_at >= $2 AND d.started_at < $3
 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4

-- name: fold
SELECT reports.fold($1, $2)

-- name: find_unfolded
SELECT DISTINCT org_id FROM reports.change
