-- name: insert_attempts
INSERT INTO payments.attempt (org_id, id, invoice_id, customer_id, subscription_id, method_id, channel_id, currency, amount_minor, state, by_customer, created_at)
SELECT $1, u.*, $11 FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[], $12::boolean[]) u

-- name: lock_attempts
SELECT id, invoice_id, customer_id, subscription_id, method_id, channel_id, currency, amount_minor, state, refusal, code, message, next_action, by_customer
  FROM payments.attempt WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR NO KEY UPDATE

-- name: save_attempts
UPDATE payments.attempt a SET state = u.state, refusal = u.refusal, code = u.code, message = u.message, next_action = u.next_action,
       concluded_at = CASE WHEN u.state IN ('succeeded', 'failed', 'canceled') THEN $8::timestamptz END
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[]) u(id, state, refusal, code, message, next_action)
 WHERE a.org_id = $1 AND a.id = u.id

-- name: in_flight
SELECT invoice_id FROM payments.attempt WHERE org_id = $1 AND invoice_id = ANY ($2::text[]) AND state IN ('created', 'processing')

-- name: in_flight_of_subscriptions
SELECT DISTINCT subscription_id FROM payments.attempt WHERE org_id = $1 AND subscription_id = ANY ($2::text[]) AND state IN ('created', 'processing')

-- name: insert_payments
INSERT INTO payments.payment (org_id, id, customer_id, invoice_id, attempt_id, channel_id, source, reference, instruction_key, currency, amount_minor, applied_minor, paid_at, fee_minor,
       settled_currency, settled_minor)
SELECT $1, u.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::timestamptz[], $14::bigint[],
       $15::text[], $16::bigint[]) u

-- name: payments_of_invoice
SELECT id, customer_id, invoice_id, attempt_id, channel_id, source, reference, instruction_key, currency, amount_minor, applied_minor, paid_at, fee_minor, settled_currency, settled_minor, refunded_minor, disputed
  FROM payments.payment WHERE org_id = $1 AND invoice_id = $2 ORDER BY id FOR NO KEY UPDATE

-- name: payments_of_invoices
SELECT id, customer_id, invoice_id, attempt_id, channel_id, source, reference, instruction_key, currency, amount_minor, applied_minor, paid_at, fee_minor, settled_currency, settled_minor, refunded_minor, disputed
  FROM payments.payment WHERE org_id = $1 AND invoice_id = ANY ($2::text[]) ORDER BY id FOR NO KEY UPDATE

-- name: lock_payment
SELECT id, customer_id, invoice_id, attempt_id, channel_id, source, reference, instruction_key, currency, amount_minor, applied_minor, paid_at, fee_minor, settled_currency, settled_minor, refunded_minor, disputed
  FROM payments.payment WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE

-- name: last_payments
SELECT p.customer_id, max(p.paid_at) AS paid_at FROM payments.payment p
 WHERE p.org_id = $1 AND p.customer_id = ANY ($2::text[]) AND p.channel_id <> '' GROUP BY p.customer_id

-- name: refund_payment
UPDATE payments.payment SET refunded_minor = refunded_minor + $3 WHERE org_id = $1 AND id = $2

-- name: insert_refund
INSERT INTO payments.refund (org_id, id, payment_id, customer_id, credit_note_id, currency, amount_minor, reason, state, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $9)

-- name: lock_refunds
SELECT r.id, r.payment_id, r.customer_id, r.credit_note_id, r.currency, r.amount_minor, r.reason, r.state, r.settled_currency, r.settled_minor, p.channel_id
  FROM payments.refund r JOIN payments.payment p ON p.org_id = r.org_id AND p.id = r.payment_id
 WHERE r.org_id = $1 AND r.id = ANY ($2::text[]) ORDER BY r.id FOR NO KEY UPDATE OF r

-- name: refunds_of_note
SELECT state, sum(amount_minor)::bigint AS amount_minor FROM payments.refund WHERE org_id = $1 AND credit_note_id = $2 GROUP BY state

-- name: save_refund
UPDATE payments.refund SET state = $3, message = $4, concluded_at = $5 WHERE org_id = $1 AND id = $2

-- name: settle_refund
UPDATE payments.refund SET settled_currency = $3, settled_minor = $4 WHERE org_id = $1 AND id = $2

-- name: payment_of_attempt
SELECT id, customer_id, invoice_id, attempt_id, channel_id, source, reference, instruction_key, currency, amount_minor, applied_minor, paid_at, fee_minor, settled_currency, settled_minor, refunded_minor, disputed
  FROM payments.payment WHERE org_id = $1 AND attempt_id = $2 FOR NO KEY UPDATE

-- name: settle_payment
UPDATE payments.payment SET fee_minor = $3, settled_currency = $4, settled_minor = $5 WHERE org_id = $1 AND id = $2

-- name: methods_of
SELECT id, customer_id, channel_id, customer_ref, ref, kind, brand, last4, expires_on, fingerprint, is_default, usable
  FROM payments.method WHERE org_id = $1 AND customer_id = ANY ($2::text[]) AND removed_at IS NULL ORDER BY customer_id, created_at, id

-- name: lock_methods_of
SELECT id, customer_id, channel_id, customer_ref, ref, kind, brand, last4, expires_on, fingerprint, is_default, usable
  FROM payments.method WHERE org_id = $1 AND customer_id = $2 AND removed_at IS NULL ORDER BY created_at, id FOR NO KEY UPDATE

-- name: insert_method
INSERT INTO payments.method (org_id, id, customer_id, channel_id, customer_ref, ref, kind, brand, last4, expires_on, fingerprint, is_default, due_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)

-- name: update_method
UPDATE payments.method SET ref = $3, customer_ref = $4, brand = $5, last4 = $6, expires_on = $7, usable = true, due_at = $8 WHERE org_id = $1 AND id = $2

-- name: clear_default
UPDATE payments.method SET is_default = false WHERE org_id = $1 AND customer_id = $2 AND is_default AND removed_at IS NULL

-- name: set_default
UPDATE payments.method SET is_default = true WHERE org_id = $1 AND id = $2 AND removed_at IS NULL

-- name: remove_method
UPDATE payments.method SET removed_at = $3, is_default = false, due_at = NULL WHERE org_id = $1 AND id = $2 AND removed_at IS NULL

-- name: spoil_methods
UPDATE payments.method SET usable = false WHERE org_id = $1 AND id = ANY ($2::text[])

-- name: set_methods_due
UPDATE payments.method m SET due_at = u.due_at FROM unnest($2::text[], $3::timestamptz[]) u(id, due_at) WHERE m.org_id = $1 AND m.id = u.id

-- name: put_payer
INSERT INTO payments.payer (org_id, customer_id, channel_id, ref) VALUES ($1, $2, $3, $4)
ON CONFLICT (org_id, customer_id, channel_id) DO UPDATE SET ref = excluded.ref

-- name: meet_payers
-- Who is known there already keeps his id.
INSERT INTO payments.payer AS p (org_id, customer_id, channel_id, ref)
SELECT $1, u.* FROM unnest($2::text[], $3::text[], $4::text[]) u(customer_id, channel_id, ref) ORDER BY u.customer_id, u.channel_id
ON CONFLICT (org_id, customer_id, channel_id) DO UPDATE SET ref = CASE WHEN p.ref = '' THEN excluded.ref ELSE p.ref END
RETURNING customer_id, channel_id, ref

-- name: payer_generations
SELECT p.customer_id, p.channel_id, p.generation
  FROM unnest($2::text[], $3::text[]) u(customer_id, channel_id)
  JOIN payments.payer p ON p.org_id = $1 AND p.customer_id = u.customer_id AND p.channel_id = u.channel_id

-- name: payer
SELECT ref, generation FROM payments.payer WHERE org_id = $1 AND customer_id = $2 AND channel_id = $3

-- name: payers_of
SELECT channel_id, ref FROM payments.payer WHERE org_id = $1 AND customer_id = $2 AND ref <> '' ORDER BY channel_id

-- name: payer_by_ref
SELECT customer_id FROM payments.payer WHERE org_id = $1 AND channel_id = $2 AND ref = $3 FOR UPDATE

-- name: forget_payer
UPDATE payments.payer SET ref = '', generation = generation + 1 WHERE org_id = $1 AND customer_id = $2 AND channel_id = $3

-- name: insert_setup
INSERT INTO payments.setup (org_id, id, customer_id, channel_id, state, created_at) VALUES ($1, $2, $3, $4, 'open', $5)

-- name: lock_setup
SELECT id, customer_id, channel_id, state, next_action, method_id FROM payments.setup WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE

-- name: save_setup
UPDATE payments.setup SET state = $3, next_action = $4, method_id = $5 WHERE org_id = $1 AND id = $2

-- name: insert_cases
INSERT INTO payments.dunning_case (org_id, id, subscription_id, customer_id, state, policy, tries, refusal, currency, due_at, grace_at, started_at)
SELECT $1, u.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::int[], $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[]) u

-- name: lock_open_cases
SELECT id, subscription_id, customer_id, state, policy, tries, refusal, currency, recovered_minor, restricted, due_at, grace_at, started_at
  FROM payments.dunning_case WHERE org_id = $1 AND subscription_id = ANY ($2::text[]) AND state = 'open' ORDER BY id FOR NO KEY UPDATE

-- name: save_cases
UPDATE payments.dunning_case c SET state = u.state, tries = u.tries, refusal = u.refusal, recovered_minor = u.recovered, restricted = u.restricted,
       due_at = u.due_at, grace_at = u.grace_at, ended_at = CASE WHEN u.state <> 'open' THEN $10::timestamptz END
  FROM unnest($2::text[], $3::text[], $4::int[], $5::text[], $6::bigint[], $7::boolean[], $8::timestamptz[], $9::timestamptz[])
       u(id, state, tries, refusal, recovered, restricted, due_at, grace_at)
 WHERE c.org_id = $1 AND c.id = u.id

-- name: payment_by_reference
SELECT id, customer_id, invoice_id, attempt_id, channel_id, source, reference, instruction_key, currency, amount_minor, applied_minor, paid_at, fee_minor, settled_currency, settled_minor, refunded_minor, disputed, dispute_lost
  FROM payments.payment WHERE org_id = $1 AND channel_id = $2 AND reference = $3 ORDER BY id LIMIT 1 FOR NO KEY UPDATE

-- name: mark_disputed
UPDATE payments.payment SET disputed = $3, dispute_lost = $4 WHERE org_id = $1 AND id = $2

-- name: method_by_ref
SELECT id, customer_id, channel_id, customer_ref, ref, kind, brand, last4, expires_on, fingerprint, is_default, usable
  FROM payments.method WHERE org_id = $1 AND channel_id = $2 AND ref = $3 AND removed_at IS NULL
