-- name: insert
INSERT INTO customers.member (org_id, id, customer_id, external_id, email, name, role, state, invited_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'invited', $8, $9)

-- name: lock
SELECT id, customer_id, external_id, email, name, role, state, invited_at, expires_at, joined_at, removed_at
  FROM customers.member WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE

-- name: present_by_email
SELECT id, customer_id, external_id, email, name, role, state, invited_at, expires_at, joined_at, removed_at
  FROM customers.member WHERE org_id = $1 AND customer_id = $2 AND email = $3 AND state IN ('invited', 'joined') FOR NO KEY UPDATE

-- name: of_customer
SELECT id, customer_id, external_id, email, name, role, state, invited_at, expires_at, joined_at, removed_at
  FROM customers.member WHERE org_id = $1 AND customer_id = $2 AND (state <> 'removed' OR $3::boolean) AND id > $4 ORDER BY id LIMIT $5

-- name: save
UPDATE customers.member SET external_id = $3, name = $4, role = $5, state = $6, invited_at = $7, expires_at = $8, joined_at = $9, removed_at = $10
 WHERE org_id = $1 AND id = $2

-- name: seats_used
SELECT count(*) FROM customers.member
 WHERE org_id = $1 AND customer_id = $2 AND (state = 'joined' OR state = 'invited' AND expires_at > $3)

-- name: is_taken
SELECT true FROM customers.member
 WHERE org_id = $1 AND customer_id = $2 AND external_id = $3 AND external_id <> '' AND state = 'joined' AND id <> $4 LIMIT 1

-- name: erase_of_customer
UPDATE customers.member SET external_id = '', email = id, name = '', state = 'removed', removed_at = coalesce(removed_at, $3)
 WHERE org_id = $1 AND customer_id = $2
