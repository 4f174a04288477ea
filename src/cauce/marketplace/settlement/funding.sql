-- name: insert_funding
INSERT INTO settlement.funding (org_id, id, kind, channel_id, currency, merchant_id, order_id, parent_id, amount_minor, state, requested_by, requested_at)
SELECT $1, f.*, $11, $12
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[]) f

-- name: insert_advanced
INSERT INTO settlement.funding (org_id, id, kind, channel_id, currency, merchant_id, order_id, parent_id, amount_minor, state, approved_by, ref,
                                requested_by, requested_at, paid_at)
SELECT $1, f.id, f.kind, f.channel_id, f.currency, f.merchant_id, f.order_id, f.parent_id, f.amount, 'paid', f.approved_by, f.ref, $12, $13, $13
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[], $11::text[])
    f(id, kind, channel_id, currency, merchant_id, order_id, parent_id, amount, approved_by, ref)

-- name: advances_of
-- Advances that stand for refunds, with what of each is on its way back.
SELECT a.id, a.parent_id, a.order_id, a.ref, a.amount_minor, a.spent_minor, coalesce((
          SELECT sum(r.amount_minor) FROM settlement.funding r
           WHERE r.org_id = $1 AND r.parent_id = a.id AND r.kind = 'recover_advance' AND r.state IN ('submitted', 'processing')), 0)::bigint AS under_way_minor
  FROM settlement.funding a
 WHERE a.org_id = $1 AND a.kind = 'advance' AND a.state = 'paid' AND a.parent_id = ANY ($2::text[]) ORDER BY a.id FOR UPDATE

-- name: advances_under_way
SELECT DISTINCT parent_id FROM settlement.funding
 WHERE org_id = $1 AND kind = 'advance' AND state IN ('submitted', 'processing') AND parent_id = ANY ($2::text[])

-- name: end_advances
UPDATE settlement.funding f
   SET state = CASE WHEN e.repaid = 0 THEN 'canceled' ELSE f.state END, amount_minor = CASE WHEN e.repaid = 0 THEN f.amount_minor ELSE e.repaid END
  FROM unnest($2::text[], $3::bigint[]) e(id, repaid) WHERE f.org_id = $1 AND f.id = e.id

-- name: lock_funding
SELECT id, kind, channel_id, currency, merchant_id, order_id, parent_id, amount_minor, spent_minor, state, ref, requested_by, approved_by, requested_at, paid_at
  FROM settlement.funding WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR UPDATE

-- name: update_funding
UPDATE settlement.funding f
   SET state = u.state, ref = CASE WHEN u.ref = '' THEN f.ref ELSE u.ref END, failure = u.failure, paid_at = coalesce(u.paid_at, f.paid_at)
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[]) u(id, state, ref, failure, paid_at)
 WHERE f.org_id = $1 AND f.id = u.id

-- name: approve_funding
UPDATE settlement.funding SET state = 'submitted', approved_by = $3 WHERE org_id = $1 AND id = $2

-- name: approve_fundings
UPDATE settlement.funding SET state = 'submitted', approved_by = $3 WHERE org_id = $1 AND id = ANY ($2::text[])

-- name: spend_funding
UPDATE settlement.funding f SET spent_minor = f.spent_minor + s.amount
  FROM unnest($2::text[], $3::bigint[]) s(id, amount) WHERE f.org_id = $1 AND f.id = s.id

-- name: open_advances
-- Advances of these merchants that are not recovered, less what is on its way back; the oldest first.
SELECT a.id, a.channel_id, a.currency, a.merchant_id,
       (a.amount_minor - a.spent_minor - coalesce((
          SELECT sum(r.amount_minor) FROM settlement.funding r
           WHERE r.org_id = $1 AND r.parent_id = a.id AND r.kind = 'recover_advance' AND r.state IN ('submitted', 'processing')), 0))::bigint AS left_minor
  FROM settlement.funding a
 WHERE a.org_id = $1 AND a.kind = 'advance' AND a.state = 'paid' AND a.spent_minor < a.amount_minor AND a.merchant_id = ANY ($2::text[]) AND a.merchant_id <> ''
 ORDER BY a.id FOR UPDATE

-- name: open_subsidies
SELECT id, kind, order_id, parent_id, amount_minor FROM settlement.funding
 WHERE org_id = $1 AND order_id = ANY ($2::text[])
   AND kind IN ('order_subsidy', 'return_order_subsidy', 'drop_order_subsidy') AND state IN ('submitted', 'processing') ORDER BY id

-- name: fundings
SELECT id, kind, channel_id, currency, merchant_id, order_id, parent_id, amount_minor, spent_minor, state, requested_by, approved_by, failure, requested_at, paid_at
  FROM settlement.funding
 WHERE org_id = $1 AND ($2::text = '' OR id < $2) AND ($3::text = '' OR kind = $3) AND ($4::text = '' OR merchant_id = $4)
 ORDER BY id DESC LIMIT $5
