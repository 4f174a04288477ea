-- name: collections
SELECT id, order_id, channel_id, owner_id, destination, method, currency, amount_minor, fee_minor, fee_returned_minor, escrow_minor, released_minor,
       refunded_minor, ref, state, next_action, paid_at, freeze_ends_at, created_at
  FROM orders.collection
 WHERE org_id = $1 AND ($2::text = '' OR id < $2) AND ($3::text = '' OR id = $3) AND ($4::text = '' OR order_id = $4)
   AND ($5::text = '' OR channel_id = $5) AND ($6::text = '' OR state = $6)
 ORDER BY id DESC LIMIT $7

-- name: splits
SELECT id, order_id, collection_id, channel_id, owner_id, currency, (sent_minor + fee_minor + owner_minor)::bigint AS amount_minor, sent_minor, fee_minor,
       owner_minor, finishes, resends, state, ref, created_at, applied_at, first_position, last_position
  FROM splits.split
 WHERE org_id = $1 AND ($2::text = '' OR id < $2) AND ($3::text = '' OR id = $3) AND ($4::text = '' OR order_id = $4)
   AND ($5::text = '' OR channel_id = $5) AND ($6::text = '' OR state = $6)
 ORDER BY id DESC LIMIT $7

-- name: reversals
SELECT r.id, r.order_id, r.collection_id, c.channel_id, r.split_id, r.refund_id, r.party, c.currency, r.amount_minor, r.state, r.ref, r.created_at, r.finished_at
  FROM splits.reversal r JOIN orders.collection c ON c.org_id = $1 AND c.id = r.collection_id
 WHERE r.org_id = $1 AND ($2::text = '' OR r.id < $2) AND ($3::text = '' OR r.id = $3) AND ($4::text = '' OR r.order_id = $4)
   AND ($5::text = '' OR c.channel_id = $5) AND ($6::text = '' OR r.state = $6)
 ORDER BY r.id DESC LIMIT $7

-- name: refunds
SELECT r.id, r.external_id, r.order_id, r.collection_id, c.channel_id, c.currency, r.amount_minor, r.reason, r.policy, r.state, r.attempt_key, r.created_at,
       r.finished_at
  FROM orders.refund r JOIN orders.collection c ON c.org_id = $1 AND c.id = r.collection_id
 WHERE r.org_id = $1 AND ($2::text = '' OR r.id < $2) AND ($3::text = '' OR r.id = $3) AND ($4::text = '' OR r.order_id = $4)
   AND ($5::text = '' OR c.channel_id = $5) AND ($6::text = '' OR r.state = $6)
 ORDER BY r.id DESC LIMIT $7

-- name: instructions
SELECT key, channel_id, purpose, operation, object_id, parent_key, state, ref, sends, asks, tries, outcome, created_at, concluded_at,
       needs_person_since, CASE WHEN state = 'unknown' AND needs_person_since IS NULL THEN due_at END AS asked_again_at
  FROM channels.instruction
 WHERE org_id = $1 AND ($2::text = '' OR key < $2) AND ($3::text = '' OR key = $3) AND ($4::text = '' OR object_id = $4)
   AND ($5::text = '' OR channel_id = $5)
   AND ($6::text = '' OR state = $6 OR ($6 = 'needs_attention' AND needs_person_since IS NOT NULL))
 ORDER BY key DESC LIMIT $7

-- name: accounts
SELECT id, merchant_id, channel_id, ref, kind, state, needs, onboarding_url, agreement, agreed_at, pays_out, created_at
  FROM merchants.account
 WHERE org_id = $1 AND ($2::text = '' OR id < $2) AND ($3::text = '' OR id = $3) AND ($4::text = '' OR merchant_id = $4)
   AND ($5::text = '' OR channel_id = $5) AND ($6::text = '' OR state = $6)
 ORDER BY id DESC LIMIT $7

-- name: instruments
SELECT id, merchant_id, channel_id, currency, ref, last4, state, requested_by, approved_by, usable_from, from_channel, created_at
  FROM merchants.instrument
 WHERE org_id = $1 AND ($2::text = '' OR id < $2) AND ($3::text = '' OR id = $3) AND ($4::text = '' OR merchant_id = $4)
   AND ($5::text = '' OR channel_id = $5) AND ($6::text = '' OR state = $6)
 ORDER BY id DESC LIMIT $7

-- name: parts_of_split
-- What a split brings to whom.
SELECT a.position, a.party, s.currency, a.amount_minor, a.fee_borne_minor, a.reversed_minor, a.closed
  FROM splits.split s JOIN splits.allocation a ON a.org_id = $1 AND a.collection_id = s.collection_id AND a.position BETWEEN s.first_position AND s.last_position
 WHERE s.org_id = $1 AND s.id = $2 AND s.sent_minor > 0 ORDER BY a.position
