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

-- name: set_due
UPDATE compliance.licence SET due_at = $3 WHERE org_id = $1 AND id = $2
