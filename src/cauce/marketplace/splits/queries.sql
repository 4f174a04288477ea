-- name: insert_rule
INSERT INTO splits.rule (org_id, id, version, name, content, state, created_by, created_at)
SELECT $1, $2, coalesce((SELECT max(version) FROM splits.rule WHERE org_id = $1 AND id = $2), 0) + 1, $3, $4, 'draft', $5, $6
RETURNING version

-- name: rule_version
SELECT id, version, name, content, state, created_by, activated_by FROM splits.rule WHERE org_id = $1 AND id = $2 AND version = $3 FOR UPDATE

-- name: supersede
UPDATE splits.rule SET state = 'superseded' WHERE org_id = $1 AND id = $2 AND state = 'active'

-- name: activate
UPDATE splits.rule SET state = 'active', activated_by = $4 WHERE org_id = $1 AND id = $2 AND version = $3

-- name: active_rules
SELECT id, version, content FROM splits.rule WHERE org_id = $1 AND id = ANY ($2::text[]) AND state = 'active'

-- name: rule_versions
SELECT r.id, r.version, r.content FROM splits.rule r
  JOIN unnest($2::text[], $3::int[]) w(id, version) ON r.org_id = $1 AND r.id = w.id AND r.version = w.version

-- name: rules
SELECT id, version, name, content, state, created_by, activated_by, created_at FROM splits.rule WHERE org_id = $1 ORDER BY id, version DESC

-- name: insert_allocations
INSERT INTO splits.allocation (org_id, collection_id, position, order_id, party, amount_minor, is_rest, role)
SELECT $1, a.* FROM unnest($2::text[], $3::smallint[], $4::text[], $5::text[], $6::bigint[], $7::boolean[], $8::text[]) a

-- name: allocations_of
SELECT collection_id, position, order_id, party, amount_minor, reversed_minor, parked_minor, fee_borne_minor, is_rest, closed, role,
       brought, recovered_minor
  FROM splits.allocation WHERE org_id = $1 AND collection_id = ANY ($2::text[]) ORDER BY collection_id, position

-- name: bear_fee
UPDATE splits.allocation a SET amount_minor = a.amount_minor - s.borne, fee_borne_minor = s.borne
  FROM unnest($2::text[], $3::smallint[], $4::bigint[]) s(collection_id, position, borne)
 WHERE a.org_id = $1 AND a.collection_id = s.collection_id AND a.position = s.position

-- name: restore_amounts
-- Of these orders, the parts of collections of which no split stands: as they were before the fee was taken from them.
UPDATE splits.allocation a SET amount_minor = a.amount_minor + a.fee_borne_minor, fee_borne_minor = 0
 WHERE a.org_id = $1 AND a.order_id = ANY ($2::text[]) AND a.fee_borne_minor > 0
   AND NOT EXISTS (SELECT FROM splits.split s WHERE s.org_id = a.org_id AND s.collection_id = a.collection_id
                      AND s.state NOT IN ('planned', 'failed'))

-- name: close_parts
UPDATE splits.allocation a SET closed = true
  FROM unnest($2::text[], $3::smallint[]) s(collection_id, position)
 WHERE a.org_id = $1 AND a.collection_id = s.collection_id AND a.position = s.position

-- name: add_reversed
-- What has come back of parts. A part may stand in many rows.
UPDATE splits.allocation a SET reversed_minor = a.reversed_minor + s.amount
  FROM (SELECT r.collection_id, r.position, sum(r.amount)::bigint AS amount
          FROM unnest($2::text[], $3::smallint[], $4::bigint[]) r(collection_id, position, amount) GROUP BY 1, 2) s
 WHERE a.org_id = $1 AND a.collection_id = s.collection_id AND a.position = s.position

-- name: add_parked
-- What lies in escrow of parts that came back. A part may stand in many rows.
UPDATE splits.allocation a SET parked_minor = a.parked_minor + s.amount
  FROM (SELECT r.collection_id, r.position, sum(r.amount)::bigint AS amount
          FROM unnest($2::text[], $3::smallint[], $4::bigint[]) r(collection_id, position, amount) GROUP BY 1, 2) s
 WHERE a.org_id = $1 AND a.collection_id = s.collection_id AND a.position = s.position

-- name: add_recovered
-- What of parts went to repay advances. A part may stand in many rows.
UPDATE splits.allocation a SET recovered_minor = a.recovered_minor + s.amount
  FROM (SELECT r.collection_id, r.position, sum(r.amount)::bigint AS amount
          FROM unnest($2::text[], $3::smallint[], $4::bigint[]) r(collection_id, position, amount) GROUP BY 1, 2) s
 WHERE a.org_id = $1 AND a.collection_id = s.collection_id AND a.position = s.position

-- name: parked
SELECT collection_id, position, order_id, party, parked_minor FROM splits.allocation
 WHERE org_id = $1 AND collection_id = ANY ($2::text[]) AND parked_minor > 0 ORDER BY collection_id, position

-- name: waiting_of_orders
-- What of the escrow of orders waits: parts that came back, and what is kept for a later split.
SELECT order_id, sum(parked_minor + CASE WHEN party = 'kept' AND NOT closed THEN amount_minor - reversed_minor ELSE 0 END)::bigint AS waiting_minor
  FROM splits.allocation
 WHERE org_id = $1 AND order_id = ANY ($2::text[]) AND (parked_minor > 0 OR party = 'kept') GROUP BY order_id

-- name: shrink_kept
UPDATE splits.allocation a SET amount_minor = a.amount_minor - s.less
  FROM unnest($2::text[], $3::smallint[], $4::bigint[]) s(collection_id, position, less)
 WHERE a.org_id = $1 AND a.collection_id = s.collection_id AND a.position = s.position

-- name: add_parts
INSERT INTO splits.allocation (org_id, collection_id, position, order_id, party, amount_minor, role, brought)
SELECT $1, a.* FROM unnest($2::text[], $3::smallint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::boolean[]) a

-- name: insert_kept_parts
INSERT INTO splits.kept_part (org_id, order_id, collection_id, position, role, party, amount_minor, rule_id, rule_version, reason,
                              divided_by, divided_at)
SELECT $1, $2, p.*, $8, $9, $10, $11, $12
  FROM unnest($3::text[], $4::smallint[], $5::text[], $6::text[], $7::bigint[]) p

-- name: mark_brought
UPDATE splits.allocation a SET brought = true
  FROM unnest($2::text[]) s(collection_id) WHERE a.org_id = $1 AND a.collection_id = s.collection_id AND a.party = 'fee'

-- name: end_kept
-- The channel ended the freeze of these collections: what they kept is their owner's.
UPDATE splits.allocation SET closed = true WHERE org_id = $1 AND collection_id = ANY ($2::text[]) AND party = 'kept'

-- name: insert_splits
INSERT INTO splits.split (org_id, id, order_id, collection_id, channel_id, currency, first_position, last_position, sent_minor, fee_minor,
                          owner_minor, finishes, owner_id, state, resends, created_at)
SELECT $1, s.*, $16
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::smallint[], $9::bigint[], $10::bigint[],
              $11::bigint[], $12::boolean[], $13::text[], $14::text[], $15::boolean[]) s

-- name: lock_splits
SELECT id, order_id, collection_id, channel_id, currency, first_position, last_position, sent_minor, fee_minor, owner_minor, finishes, owner_id, state, ref,
       resends
  FROM splits.split WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR UPDATE

-- name: known_splits
SELECT id FROM splits.split WHERE org_id = $1 AND id = ANY ($2::text[])

-- name: splits_of
SELECT id, order_id, collection_id, channel_id, currency, first_position, last_position, sent_minor, fee_minor, owner_minor, finishes, owner_id, state, ref,
       created_at, applied_at, resends
  FROM splits.split WHERE org_id = $1 AND order_id = ANY ($2::text[]) ORDER BY created_at, id

-- name: update_splits
UPDATE splits.split s SET state = u.state, ref = u.ref, applied_at = u.applied_at
  FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) u(id, state, ref, applied_at)
 WHERE s.org_id = $1 AND s.id = u.id

-- name: submit_planned
-- A finish that waited for the splits before it is sent, with what is left for the order's own merchant.
UPDATE splits.split s SET state = 'submitted', owner_minor = u.owner_minor
  FROM unnest($2::text[], $3::bigint[]) u(id, owner_minor) WHERE s.org_id = $1 AND s.id = u.id

-- name: open_splits
SELECT order_id, count(*) AS open FROM splits.split
 WHERE org_id = $1 AND order_id = ANY ($2::text[]) AND state IN ('planned', 'submitted', 'processing', 'unknown') GROUP BY order_id

-- name: insert_reversals
INSERT INTO splits.reversal (org_id, id, order_id, collection_id, position, split_id, refund_id, party, amount_minor, state, created_at)
SELECT $1, r.*, 'submitted', $10
  FROM unnest($2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::text[], $8::text[], $9::bigint[]) r

-- name: lock_reversals
SELECT id, order_id, collection_id, position, split_id, refund_id, party, amount_minor, state
  FROM splits.reversal WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR UPDATE

-- name: update_reversals
UPDATE splits.reversal r SET state = u.state, ref = u.ref, finished_at = u.finished_at
  FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) u(id, state, ref, finished_at)
 WHERE r.org_id = $1 AND r.id = u.id

-- name: reversals_of_refunds
SELECT id, refund_id, collection_id, position, amount_minor, state FROM splits.reversal
 WHERE org_id = $1 AND refund_id = ANY ($2::text[]) AND refund_id <> '' ORDER BY id

-- name: taken_back
-- What was asked back of the splits of these collections and not refused, and how often, by who gave it.
SELECT split_id, party, sum(amount_minor)::bigint AS taken_minor, count(*) AS returns FROM splits.reversal
 WHERE org_id = $1 AND collection_id = ANY ($2::text[]) AND state <> 'failed' GROUP BY split_id, party

-- name: open_reversals
SELECT order_id, collection_id, refund_id FROM splits.reversal r
 WHERE r.org_id = $1 AND r.state = 'submitted'
   AND r.collection_id IN (SELECT s.collection_id FROM splits.split s WHERE s.org_id = $1 AND s.order_id = ANY ($2::text[]))
