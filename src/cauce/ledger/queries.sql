-- name: open_accounts
SELECT ledger.open_accounts($1, $2, $3, $4, $5, $6, $7, $8)

-- name: pools_of
SELECT id, pool_id FROM ledger.account WHERE org_id = $1 AND id = ANY ($2::bigint[])

-- name: post
SELECT codes, ids FROM ledger.post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)
