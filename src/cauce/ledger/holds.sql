-- name: find_due
SELECT DISTINCT due.org_id FROM (
  (SELECT h.org_id FROM ledger.hold h JOIN directory.org o ON o.id = h.org_id AND o.mode = 'live'
    WHERE h.due_at <= clock_timestamp() ORDER BY h.due_at LIMIT $1)
  UNION ALL
  SELECT o.id FROM directory.org o WHERE o.mode = 'sandbox' AND EXISTS (
    SELECT FROM ledger.hold h WHERE h.org_id = o.id
       AND h.due_at <= directory.now_at(o.clock_frozen_at, o.clock_offset_seconds))
) due

-- name: claim_due
-- Rows are claimed with advisory locks: posting locks the account first and the hold afterwards, so a sweep that held
-- the row and then asked for the account would wait crosswise with a capture.
WITH candidate AS MATERIALIZED (
  SELECT due.org_id, due.id, due.key, due.due_at, due.account_id
    FROM directory.org o CROSS JOIN LATERAL (
      SELECT h.org_id, h.id, h.key, h.due_at, h.account_id FROM ledger.hold h
       WHERE h.org_id = o.id AND h.due_at <= directory.now_at(o.clock_frozen_at, o.clock_offset_seconds)
         AND ($3::text[] IS NULL OR h.key = ANY ($3))
       ORDER BY h.due_at, h.id LIMIT $2 * 4) due
   WHERE o.id = ANY ($1::bigint[])
   ORDER BY due.due_at, due.id
)
SELECT org_id, key, due_at, account_id FROM candidate
 WHERE pg_try_advisory_xact_lock(hashint8extended(id, 1279612746))
 LIMIT $2

-- name: set_due
UPDATE ledger.hold SET due_at = $3 WHERE org_id = $1 AND key = $2 AND state = 'open'

-- name: next_due
SELECT min(due_at) FROM ledger.hold WHERE org_id = $1 AND due_at IS NOT NULL
