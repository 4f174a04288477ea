-- name: open_accounts
SELECT ledger.open_accounts($1, $2, $3, $4, $5, $6, $7, $8)

-- name: pools_of
SELECT id, pool_id FROM ledger.account WHERE org_id = $1 AND id = ANY ($2::bigint[])

-- name: post
SELECT codes, ids FROM ledger.post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)

-- name: balances
SELECT p.book, p.channel_id, p.currency, a.code, a.normal_side, a.balance_minor, a.held_minor
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) w(book, channel_id, currency, code)
  JOIN ledger.pool p ON p.org_id = $1 AND p.book = w.book AND p.channel_id = w.channel_id AND p.currency = w.currency
  JOIN ledger.account a ON a.org_id = $1 AND a.pool_id = p.id AND a.code = w.code

-- name: journal
SELECT id, key, recipe, reference, evidence, reverses, effective_at, recorded_at FROM ledger.journal WHERE org_id = $1 AND id = $2

-- name: legs
SELECT account_id, amount_minor FROM ledger.entry WHERE org_id = $1 AND journal_id = $2 ORDER BY leg

-- name: trial_balance
SELECT p.book, p.channel_id, p.currency, sum(a.balance_minor)::bigint AS balance_minor,
       sum(greatest(a.balance_minor, 0))::bigint AS debit_minor, sum(greatest(-a.balance_minor, 0))::bigint AS credit_minor
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id
 WHERE a.org_id = $1 GROUP BY p.book, p.channel_id, p.currency ORDER BY 1, 2, 3
