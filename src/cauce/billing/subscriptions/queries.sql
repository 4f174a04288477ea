-- name: insert
INSERT INTO subscriptions.subscription (
  org_id, id, customer_id, plan_id, product_id, status, currency, timezone, term, interval_unit, interval_count, anchor_on, anchor_day,
  anchor_time, created_at, period_index, period_start, period_end, collection, net_days, method_id, trial_start, trial_end,
  cancel_at_period_end, cancellation, cancel_reason, pause_reason, paused_on, resume_at, periods_max, pending_invoice_id, mrr_minor,
  metadata, due_kind, due_at, started_at, ended_at, upcoming_at, usage_from, access_kept, alignment, version)
SELECT $1, u.* FROM unnest(
  $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[], $10::text[], $11::int[], $12::date[], $13::smallint[],
  $14::time[], $15::timestamptz[], $16::int[], $17::date[], $18::date[], $19::text[], $20::int[], $21::text[], $22::timestamptz[], $23::timestamptz[],
  $24::boolean[], $25::text[], $26::text[], $27::text[], $28::date[], $29::timestamptz[], $30::int[], $31::text[], $32::bigint[],
  $33::jsonb[], $34::text[], $35::timestamptz[], $36::timestamptz[], $37::timestamptz[], $38::timestamptz[], $39::date[], $40::boolean[], $41::text[], $42::bigint[]) u

-- name: save
-- Writes whole subscriptions, each only if nobody else wrote it since it was read.
UPDATE subscriptions.subscription s SET
  plan_id = u.plan_id, product_id = u.product_id, status = u.status, term = u.term, interval_unit = u.interval_unit,
  interval_count = u.interval_count, anchor_on = u.anchor_on, anchor_day = u.anchor_day, anchor_time = u.anchor_time,
  period_index = u.period_index, period_start = u.period_start, period_end = u.period_end, collection = u.collection,
  net_days = u.net_days, method_id = u.method_id, trial_start = u.trial_start, trial_end = u.trial_end,
  cancel_at_period_end = u.cancel_at_period_end, cancellation = u.cancellation, cancel_reason = u.cancel_reason,
  pause_reason = u.pause_reason, paused_on = u.paused_on, resume_at = u.resume_at, periods_max = u.periods_max,
  pending_invoice_id = u.pending_invoice_id, mrr_minor = u.mrr_minor, metadata = u.metadata, due_kind = u.due_kind, due_at = u.due_at,
  started_at = u.started_at, ended_at = u.ended_at, upcoming_at = u.upcoming_at, usage_from = u.usage_from,
  access_kept = u.access_kept, alignment = u.alignment,
  version = s.version + 1
FROM unnest(
  $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[], $10::text[], $11::int[], $12::date[], $13::smallint[],
  $14::time[], $15::timestamptz[], $16::int[], $17::date[], $18::date[], $19::text[], $20::int[], $21::text[], $22::timestamptz[], $23::timestamptz[],
  $24::boolean[], $25::text[], $26::text[], $27::text[], $28::date[], $29::timestamptz[], $30::int[], $31::text[], $32::bigint[],
  $33::jsonb[], $34::text[], $35::timestamptz[], $36::timestamptz[], $37::timestamptz[], $38::timestamptz[], $39::date[], $40::boolean[], $41::text[], $42::bigint[])
  u(id, customer_id, plan_id, product_id, status, currency, timezone, term, interval_unit, interval_count, anchor_on, anchor_day, anchor_time,
    created_at, period_index, period_start, period_end, collection, net_days, method_id, trial_start, trial_end, cancel_at_period_end,
    cancellation, cancel_reason, pause_reason, paused_on, resume_at, periods_max, pending_invoice_id, mrr_minor, metadata, due_kind, due_at,
    started_at, ended_at, upcoming_at, usage_from, access_kept, alignment, version)
WHERE s.org_id = $1 AND s.id = u.id AND s.version = u.version

-- name: advance
-- The renewal of many: the next period, and when that ends.
UPDATE subscriptions.subscription s
   SET period_index = u.period_index, period_start = u.period_start, period_end = u.period_end, due_at = u.due_at, upcoming_at = u.upcoming_at,
       version = s.version + 1
  FROM unnest($2::text[], $3::int[], $4::date[], $5::date[], $6::timestamptz[], $7::timestamptz[])
       u(id, period_index, period_start, period_end, due_at, upcoming_at)
 WHERE s.org_id = $1 AND s.id = u.id

-- name: mark_told
UPDATE subscriptions.subscription s SET upcoming_at = NULL, version = s.version + 1 WHERE s.org_id = $1 AND s.id = ANY ($2::text[])

-- name: lock
SELECT s.* FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.id = ANY ($2::text[]) ORDER BY s.id FOR NO KEY UPDATE

-- name: read
SELECT s.* FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.id = $2

-- name: ids_of_customer
SELECT id FROM subscriptions.subscription WHERE org_id = $1 AND customer_id = $2 ORDER BY id

-- name: live_of_customer
SELECT * FROM subscriptions.subscription WHERE org_id = $1 AND customer_id = $2 AND status = ANY ($3::text[]) ORDER BY id

-- name: insert_items
INSERT INTO subscriptions.item (org_id, id, subscription_id, price_id, quantity, options, adjust_minor, adjust_percent, phases_from, created_at)
SELECT $1, u.id, u.subscription_id, u.price_id, u.quantity, u.options, u.adjust_minor, u.adjust_percent, u.phases_from, $10
  FROM unnest($2::text[], $3::text[], $4::text[], $5::numeric[], $6::jsonb[], $7::bigint[], $8::numeric[], $9::date[])
       u(id, subscription_id, price_id, quantity, options, adjust_minor, adjust_percent, phases_from)

-- name: begin_phases
-- The phases of items begin on the first day that is billed of them, once.
UPDATE subscriptions.item i SET phases_from = u.begins_on FROM unnest($2::text[], $3::date[]) u(id, begins_on)
 WHERE i.org_id = $1 AND i.id = u.id AND i.phases_from IS NULL

-- name: phases_had
-- The prices that a subscription had before, and when their phases began: who comes back to one goes on where he was.
SELECT price_id, min(phases_from) AS phases_from FROM subscriptions.item
 WHERE org_id = $1 AND subscription_id = $2 AND phases_from IS NOT NULL GROUP BY price_id

-- name: items
SELECT id, subscription_id, price_id, quantity, options, adjust_minor, adjust_percent, phases_from
  FROM subscriptions.item WHERE org_id = $1 AND subscription_id = ANY ($2::text[]) AND removed_at IS NULL ORDER BY subscription_id, id

-- name: remove_items
UPDATE subscriptions.item SET removed_at = $3 WHERE org_id = $1 AND id = ANY ($2::text[])

-- name: set_quantities
UPDATE subscriptions.item i SET quantity = u.quantity FROM unnest($2::text[], $3::numeric[]) u(id, quantity) WHERE i.org_id = $1 AND i.id = u.id

-- name: write_history
INSERT INTO subscriptions.history (org_id, subscription_id, customer_id, at, trigger, source, target, currency, mrr_before_minor, mrr_after_minor, actor, reason)
SELECT $1, u.* FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::text[]) u

-- name: paused_at
SELECT max(at) AS at FROM subscriptions.history WHERE org_id = $1 AND subscription_id = $2 AND trigger = 'pause'

-- name: changed_at
SELECT max(at) AS at FROM subscriptions.history
 WHERE org_id = $1 AND subscription_id = $2 AND trigger IN ('change', 'apply_change', 'resume')

-- name: history
SELECT at, trigger, source, target, mrr_before_minor, mrr_after_minor, actor, reason
  FROM subscriptions.history WHERE org_id = $1 AND subscription_id = $2 ORDER BY id

-- name: use_trial
INSERT INTO subscriptions.trial_use (org_id, product_id, identity, subscription_id, used_at)
SELECT $1, $2, i, $4, $5 FROM unnest($3::text[]) i ON CONFLICT DO NOTHING

-- name: trial_used
SELECT identity FROM subscriptions.trial_use WHERE org_id = $1 AND product_id = $2 AND identity = ANY ($3::text[]) AND subscription_id <> $4 LIMIT 1

-- name: put_timers
INSERT INTO subscriptions.timer (org_id, subscription_id, kind, due_at)
SELECT $1, u.subscription_id, u.kind, u.due_at FROM unnest($2::text[], $3::text[], $4::timestamptz[]) u(subscription_id, kind, due_at)
ON CONFLICT (org_id, subscription_id, kind) DO UPDATE SET due_at = excluded.due_at

-- name: drop_timers
DELETE FROM subscriptions.timer WHERE org_id = $1 AND subscription_id = ANY ($2::text[])

-- name: timers_of
SELECT kind FROM subscriptions.timer WHERE org_id = $1 AND subscription_id = $2

-- name: drop_timer_kinds
DELETE FROM subscriptions.timer t USING unnest($2::text[], $3::text[]) u(subscription_id, kind)
 WHERE t.org_id = $1 AND t.subscription_id = u.subscription_id AND t.kind = u.kind

-- name: insert_discount
INSERT INTO subscriptions.discount (org_id, id, subscription_id, coupon_id, percent, amount_minor, product_ids, periods_left, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (org_id, subscription_id, coupon_id) DO NOTHING

-- name: use_discounts
-- Those that are used up by it are given back.
WITH used AS (
  UPDATE subscriptions.discount d SET periods_left = d.periods_left - 1
   WHERE d.org_id = $1 AND d.id = ANY ($2::text[]) AND d.periods_left > 0 RETURNING d.id, d.subscription_id, d.coupon_id, d.periods_left)
SELECT u.id, u.subscription_id, u.coupon_id FROM used u WHERE u.periods_left = 0 ORDER BY u.id

-- name: insert_change
INSERT INTO subscriptions.change (org_id, id, subscription_id, content, at_period_end, due_at, state, created_at)
VALUES ($1, $2, $3, $4, $5, $6, 'scheduled', $7)

-- name: waiting_changes
SELECT id, subscription_id, content, at_period_end, due_at, created_at FROM subscriptions.change
 WHERE org_id = $1 AND subscription_id = ANY ($2::text[]) AND state = 'scheduled' ORDER BY subscription_id FOR UPDATE

-- name: settle_changes
UPDATE subscriptions.change SET state = $3, due_at = NULL, settled_at = $4, reason = $5 WHERE org_id = $1 AND id = ANY ($2::text[]) AND state IN ('scheduled', 'awaiting', 'migrating')

-- name: insert_migrations
INSERT INTO subscriptions.change (org_id, id, subscription_id, content, at_period_end, state, created_at)
SELECT $1, u.id, u.subscription_id, u.content, true, 'migrating', $5 FROM unnest($2::text[], $3::text[], $4::jsonb[]) u(id, subscription_id, content)

-- name: migrations
SELECT id, subscription_id, content FROM subscriptions.change
 WHERE org_id = $1 AND subscription_id = ANY ($2::text[]) AND state = 'migrating' ORDER BY subscription_id FOR UPDATE

-- name: hold_change
INSERT INTO subscriptions.change (org_id, id, subscription_id, content, at_period_end, due_at, state, created_at, invoice_id)
VALUES ($1, $2, $3, $4, false, $5, 'awaiting', $6, $7)

-- name: awaiting_of_invoices
SELECT id, subscription_id, content, due_at, invoice_id FROM subscriptions.change
 WHERE org_id = $1 AND invoice_id = ANY ($2::text[]) AND state = 'awaiting' ORDER BY subscription_id FOR UPDATE

-- name: leave_change
UPDATE subscriptions.change SET due_at = NULL WHERE org_id = $1 AND id = $2

-- name: awaiting_of
SELECT id, subscription_id, content, due_at, invoice_id FROM subscriptions.change
 WHERE org_id = $1 AND subscription_id = $2 AND state = 'awaiting' FOR UPDATE

-- name: changes
SELECT id, content, at_period_end, due_at, state, reason, created_at, settled_at FROM subscriptions.change
 WHERE org_id = $1 AND subscription_id = $2 ORDER BY id

-- name: preferred_methods
SELECT id, method_id FROM subscriptions.subscription WHERE org_id = $1 AND id = ANY ($2::text[]) AND method_id IS NOT NULL

-- name: renewals_of
SELECT id, due_at FROM subscriptions.subscription WHERE org_id = $1 AND id = ANY ($2::text[]) AND due_kind = 'renew'

-- name: renewing_until
SELECT s.* FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.due_kind = 'renew' AND s.due_at <= $2 AND (s.due_at, s.id) > ($3, $4)
 ORDER BY s.due_at, s.id LIMIT $5
