-- name: insert_licence
INSERT INTO compliance.licence (org_id, id, channel_id, holder, provider_class, kind, number, authority, clearing_route, scopes,
                                valid_from, valid_until, document, due_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)

-- name: licences_of
SELECT id, channel_id, holder, provider_class, kind, number, authority, clearing_route, scopes, valid_from, valid_until, document
  FROM compliance.licence WHERE org_id = $1 AND ($2::text IS NULL OR channel_id = $2) ORDER BY channel_id, valid_until DESC

-- name: insert_self_check
INSERT INTO compliance.self_check (org_id, id, answers, signed_by, signed_at, valid_until, channels) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: last_self_check
SELECT id, answers, signed_by, signed_at, valid_until, channels FROM compliance.self_check WHERE org_id = $1 ORDER BY signed_at DESC LIMIT 1

-- name: insert_fee_rate
INSERT INTO compliance.fee_rate (org_id, channel_id, valid_from, rate_bps, contract, agreed_by, approved_by) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: insert_fee_rate_draft
INSERT INTO compliance.fee_rate_draft (org_id, id, channel_id, rate_bps, contract, agreed_by, agreed_at) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: lock_fee_rate_draft
SELECT id, channel_id, rate_bps, contract, agreed_by, agreed_at, approved_by, approved_at
  FROM compliance.fee_rate_draft WHERE org_id = $1 AND id = $2 FOR UPDATE

-- name: approve_fee_rate_draft
UPDATE compliance.fee_rate_draft SET approved_by = $3, approved_at = $4 WHERE org_id = $1 AND id = $2

-- name: fee_rate_drafts
SELECT id, channel_id, rate_bps, contract, agreed_by, agreed_at, approved_by, approved_at
  FROM compliance.fee_rate_draft WHERE org_id = $1 AND ($2 = '' OR id < $2) AND ($3 = '' OR channel_id = $3) ORDER BY id DESC LIMIT $4

-- name: fee_rates
-- The rate that counts at each of these channels.
SELECT DISTINCT ON (channel_id) channel_id, rate_bps, contract, valid_from FROM compliance.fee_rate
 WHERE org_id = $1 AND channel_id = ANY ($2::text[]) AND valid_from <= $3 ORDER BY channel_id, valid_from DESC

-- name: find_due
SELECT DISTINCT due.org_id FROM (
  (SELECT l.org_id FROM compliance.licence l JOIN directory.org o ON o.id = l.org_id AND o.mode = 'live'
    WHERE l.due_at <= (SELECT directory.now_at(NULL, 0)) ORDER BY l.due_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM directory.org o WHERE o.mode = 'sandbox'
     AND (SELECT min(l.due_at) FROM compliance.licence l WHERE l.org_id = o.id AND l.due_at IS NOT NULL)
         <= directory.now_at(o.clock_frozen_at, o.clock_offset_seconds)
) due

-- name: claim_due
WITH org AS (
  SELECT o.id, directory.now_at(o.clock_frozen_at, o.clock_offset_seconds) AS now FROM directory.org o WHERE o.id = ANY ($1::bigint[])
)
SELECT due.* FROM org CROSS JOIN LATERAL (
    SELECT l.org_id, l.id AS key, l.due_at, l.channel_id, l.holder, l.valid_until FROM compliance.licence l
     WHERE l.org_id = org.id AND l.due_at <= org.now AND ($3::text[] IS NULL OR l.id = ANY ($3))
     ORDER BY l.due_at LIMIT $2 FOR UPDATE SKIP LOCKED) due
 LIMIT $2

-- name: set_due
UPDATE compliance.licence SET due_at = $3 WHERE org_id = $1 AND id = $2

-- name: next_due
SELECT min(due_at) FROM compliance.licence WHERE org_id = $1 AND due_at IS NOT NULL
