-- name: events_per_day
SELECT d::date AS day, count(e.id) AS events
  FROM generate_series($2::timestamptz, $3::timestamptz, interval '1 day') d
  LEFT JOIN storage.event e ON e.org_id = $1 AND e.occurred_at >= date_trunc('day', d) AND e.occurred_at < date_trunc('day', d) + interval '1 day'
 GROUP BY 1 ORDER BY 1

-- name: figures
SELECT (SELECT count(*) FROM storage.event WHERE org_id = $1) AS events,
       (SELECT count(*) FROM ledger.journal WHERE org_id = $1) AS journals,
       (SELECT count(*) FROM storage.job WHERE org_id = $1 AND state <> 'buried') AS jobs,
       (SELECT count(*) FROM storage.job WHERE org_id = $1 AND state = 'buried') AS buried

-- name: latest_events
SELECT type, object_id, actor, data, occurred_at FROM storage.event WHERE org_id = $1 ORDER BY id DESC LIMIT $2

-- name: accounts
SELECT a.id, p.book, p.channel_id, p.currency, a.code, a.normal_side, a.balance_minor, a.held_minor
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id
 WHERE a.org_id = $1 AND a.id > $2 AND (a.balance_minor <> 0 OR a.held_minor <> 0) ORDER BY a.id LIMIT $3

-- name: trial_balance
SELECT p.book, p.channel_id, p.currency, sum(a.balance_minor)::bigint AS balance_minor,
       sum(greatest(a.balance_minor, 0))::bigint AS debit_minor, sum(greatest(-a.balance_minor, 0))::bigint AS credit_minor
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id
 WHERE a.org_id = $1 GROUP BY p.book, p.channel_id, p.currency ORDER BY 1, 2, 3
