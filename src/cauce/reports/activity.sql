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
