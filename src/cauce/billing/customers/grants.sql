-- name: put_wallets
INSERT INTO customers.wallet (org_id, id, customer_id, currency, created_at)
SELECT $1, u.id, u.customer_id, u.currency, u.at FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) u(id, customer_id, currency, at)
ON CONFLICT (org_id, customer_id, currency) DO NOTHING

-- name: wallets
SELECT w.id, w.customer_id, w.currency FROM customers.wallet w JOIN unnest($2::text[], $3::text[]) u(customer_id, currency)
    ON u.customer_id = w.customer_id AND u.currency = w.currency WHERE w.org_id = $1

-- name: insert_grants
INSERT INTO customers.credit_grant (org_id, id, wallet_id, customer_id, currency, subscription_id, source, plan, period_start, period_end, amount_minor,
  left_minor, granted_at, expires_at, due_at)
SELECT $1, u.id, u.wallet_id, u.customer_id, u.currency, u.subscription_id, u.source, u.plan, u.period_start, u.period_end, u.amount, u.amount,
       u.granted_at, u.expires_at, u.expires_at
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::date[], $10::date[], $11::bigint[],
              $12::timestamptz[], $13::timestamptz[])
       u(id, wallet_id, customer_id, currency, subscription_id, source, plan, period_start, period_end, amount, granted_at, expires_at)

-- name: lock_left
SELECT id, wallet_id, customer_id, currency, left_minor, expires_at, granted_at
  FROM customers.credit_grant WHERE org_id = $1 AND customer_id = ANY ($2::text[]) AND left_minor > 0 ORDER BY id FOR NO KEY UPDATE

-- name: lock_of_subscriptions
SELECT id, wallet_id, customer_id, currency, subscription_id, amount_minor, left_minor, period_start, period_end, expires_at
  FROM customers.credit_grant WHERE org_id = $1 AND subscription_id = ANY ($2::text[]) AND left_minor > 0 ORDER BY id FOR NO KEY UPDATE

-- name: lock_of_sources
SELECT id, wallet_id, customer_id, currency, left_minor
  FROM customers.credit_grant WHERE org_id = $1 AND source = ANY ($2::text[]) AND left_minor > 0 ORDER BY id FOR NO KEY UPDATE

-- name: use
UPDATE customers.credit_grant g SET left_minor = g.left_minor - u.amount, used_minor = g.used_minor + u.amount,
       due_at = CASE WHEN g.left_minor > u.amount THEN g.due_at END
  FROM (SELECT x.id, sum(x.amount) AS amount FROM unnest($2::text[], $3::bigint[]) x(id, amount) GROUP BY x.id) u
 WHERE g.org_id = $1 AND g.id = u.id

-- name: insert_uses
INSERT INTO customers.grant_use (org_id, invoice_id, grant_id, amount_minor, used_at)
SELECT $1, u.* FROM unnest($2::text[], $3::text[], $4::bigint[], $5::timestamptz[]) u

-- name: lapse
UPDATE customers.credit_grant g SET left_minor = g.left_minor - u.amount, lapsed_minor = g.lapsed_minor + u.amount, lapse = $4,
       due_at = CASE WHEN g.left_minor > u.amount THEN g.due_at END
  FROM unnest($2::text[], $3::bigint[]) u(id, amount) WHERE g.org_id = $1 AND g.id = u.id

-- name: look_again
UPDATE customers.credit_grant SET due_at = due_at + $3::interval WHERE org_id = $1 AND id = ANY ($2::text[]) AND left_minor > 0

-- name: end_days
UPDATE customers.credit_grant g SET period_end = u.day FROM unnest($2::text[], $3::date[]) u(id, day) WHERE g.org_id = $1 AND g.id = u.id

-- name: lock_uses
SELECT x.invoice_id, x.amount_minor - x.returned_minor AS amount_minor, g.id, g.wallet_id, g.customer_id, g.currency, g.lapse, g.expires_at
  FROM customers.grant_use x JOIN customers.credit_grant g ON g.org_id = $1 AND g.id = x.grant_id
 WHERE x.org_id = $1 AND x.invoice_id = ANY ($2::text[]) AND x.amount_minor > x.returned_minor
 ORDER BY g.id, x.invoice_id FOR NO KEY UPDATE

-- name: return_uses
UPDATE customers.grant_use x SET returned_minor = x.returned_minor + u.amount
  FROM unnest($2::text[], $3::text[], $4::bigint[]) u(invoice_id, grant_id, amount)
 WHERE x.org_id = $1 AND x.invoice_id = u.invoice_id AND x.grant_id = u.grant_id

-- name: give_back
UPDATE customers.credit_grant g SET used_minor = g.used_minor - u.amount, left_minor = g.left_minor + u.amount,
       due_at = CASE WHEN g.left_minor + u.amount > 0 THEN g.expires_at END
  FROM unnest($2::text[], $3::bigint[]) u(id, amount) WHERE g.org_id = $1 AND g.id = u.id

-- name: lock_returned
SELECT x.grant_id AS id, x.returned_minor, g.left_minor
  FROM customers.grant_use x JOIN customers.credit_grant g ON g.org_id = $1 AND g.id = x.grant_id
 WHERE x.org_id = $1 AND x.invoice_id = $2 AND x.returned_minor > 0 ORDER BY g.id FOR NO KEY UPDATE
