-- name: instruments_in_use
SELECT DISTINCT instrument_id FROM settlement.payout
 WHERE org_id = $1 AND instrument_id = ANY ($2::text[]) AND state NOT IN ('paid', 'failed', 'canceled', 'returned')

-- name: insert_schedule
INSERT INTO settlement.schedule (org_id, id, name, content, is_default, created_at) VALUES ($1, $2, $3, $4, $5, $6)

-- name: clear_default
UPDATE settlement.schedule SET is_default = false WHERE org_id = $1 AND is_default

-- name: schedules
SELECT id, name, content, is_default FROM settlement.schedule WHERE org_id = $1 ORDER BY id

-- name: standings
SELECT s.merchant_id, s.channel_id, s.currency, s.schedule_id, s.due_at, s.last_run_at
  FROM settlement.standing s JOIN unnest($2::text[], $3::text[], $4::text[]) w(merchant_id, channel_id, currency)
    ON s.org_id = $1 AND s.merchant_id = w.merchant_id AND s.channel_id = w.channel_id AND s.currency = w.currency

-- name: schedule_standings
INSERT INTO settlement.standing (org_id, merchant_id, channel_id, currency, due_at)
SELECT $1, w.* FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) w(merchant_id, channel_id, currency, due_at)
 ORDER BY 2, 3, 4
ON CONFLICT (org_id, merchant_id, channel_id, currency) DO UPDATE SET due_at = coalesce(settlement.standing.due_at, excluded.due_at)

-- name: assign_schedule
INSERT INTO settlement.standing (org_id, merchant_id, channel_id, currency, schedule_id, due_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (org_id, merchant_id, channel_id, currency) DO UPDATE SET schedule_id = excluded.schedule_id, due_at = excluded.due_at

-- name: pause_merchant
INSERT INTO settlement.merchant_pause (org_id, merchant_id, reason, paused_at, paused_by) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING

-- name: resume_merchant
DELETE FROM settlement.merchant_pause WHERE org_id = $1 AND merchant_id = $2

-- name: merchant_pauses
SELECT merchant_id, reason, paused_at, paused_by FROM settlement.merchant_pause
 WHERE org_id = $1 AND ($2::text[] IS NULL OR merchant_id = ANY ($2)) ORDER BY merchant_id

-- name: pause_channel
INSERT INTO settlement.channel_pause (org_id, channel_id, reason, paused_at, paused_by) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING

-- name: resume_channel
DELETE FROM settlement.channel_pause WHERE org_id = $1 AND channel_id = $2 AND reason = $3

-- name: channel_pauses
SELECT channel_id, reason, paused_at, paused_by FROM settlement.channel_pause
 WHERE org_id = $1 AND ($2::text[] IS NULL OR channel_id = ANY ($2)) ORDER BY channel_id, reason

-- name: standings_ran
UPDATE settlement.standing s SET due_at = r.due_at, last_run_at = r.ran_at
  FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[]) r(key, due_at, ran_at)
 WHERE s.org_id = $1 AND s.key = r.key

-- name: insert_batches
INSERT INTO settlement.batch (org_id, id, merchant_id, channel_id, currency, runs_on, from_at, until_at, balance_minor, retained_minor, payout_minor)
SELECT $1, b.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::timestamptz[], $8::timestamptz[], $9::bigint[],
                           $10::bigint[], $11::bigint[]) b
ON CONFLICT (org_id, merchant_id, channel_id, currency, runs_on) DO NOTHING
RETURNING id

-- name: told_until
-- Where the last statement of each merchant ended.
SELECT w.merchant_id, w.channel_id, w.currency, b.until_at
  FROM unnest($2::text[], $3::text[], $4::text[]) w(merchant_id, channel_id, currency)
  JOIN LATERAL (
    SELECT b.until_at FROM settlement.batch b
     WHERE b.org_id = $1 AND b.merchant_id = w.merchant_id AND b.channel_id = w.channel_id AND b.currency = w.currency
     ORDER BY b.runs_on DESC LIMIT 1) b ON true

-- name: insert_payouts
INSERT INTO settlement.payout (org_id, id, batch_id, merchant_id, channel_id, currency, instrument_id, account_ref, instrument_ref, amount_minor, state,
                               needs_approval, requested_by, requested_at, submitted_at)
SELECT $1, p.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::text[],
                           $12::boolean[], $13::text[], $14::timestamptz[], $15::timestamptz[]) p

-- name: lock_payouts
SELECT id, batch_id, merchant_id, channel_id, currency, instrument_id, account_ref, instrument_ref, amount_minor, fee_minor, state, needs_approval,
       requested_by, approved_by, ref, requested_at, paid_at
  FROM settlement.payout WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR UPDATE

-- name: awaiting_approval
SELECT merchant_id, channel_id, currency, sum(amount_minor)::bigint AS amount_minor
  FROM settlement.payout
 WHERE org_id = $1 AND state = 'requested' AND batch_id <> '' AND merchant_id = ANY ($2::text[])
 GROUP BY merchant_id, channel_id, currency

-- name: update_payouts
UPDATE settlement.payout p
   SET state = u.state, ref = CASE WHEN u.ref = '' THEN p.ref ELSE u.ref END, fee_minor = u.fee, failure = u.failure,
       paid_at = coalesce(u.paid_at, p.paid_at), submitted_at = coalesce(u.submitted_at, p.submitted_at),
       approved_by = CASE WHEN u.approved_by = '' THEN p.approved_by ELSE u.approved_by END
  FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::timestamptz[], $8::timestamptz[], $9::text[])
       u(id, state, ref, fee, failure, paid_at, submitted_at, approved_by)
 WHERE p.org_id = $1 AND p.id = u.id

-- name: instruments_used
-- Instruments that a payout has reached before.
SELECT DISTINCT instrument_id FROM settlement.payout
 WHERE org_id = $1 AND merchant_id = ANY ($2::text[]) AND instrument_id = ANY ($3::text[]) AND state = 'paid'

-- name: payouts_by_ref
SELECT id, ref FROM settlement.payout WHERE org_id = $1 AND channel_id = $2 AND ref = ANY ($3::text[]) AND ref <> ''
