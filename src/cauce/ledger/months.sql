-- name: months
SELECT book, channel_id, starts_on, until_at, state, closing_by, closed_at, closed_by, notes, reopened_at, reopened_by, reopen_approved_by, reopen_reason
  FROM ledger.month WHERE org_id = $1 AND book = $2 AND channel_id = $3 ORDER BY starts_on

-- name: make
INSERT INTO ledger.month (org_id, book, channel_id, starts_on, until_at, state)
  SELECT $1, $2, $3, $4, ($4::date + interval '1 month') AT TIME ZONE o.timezone, 'open' FROM directory.org o WHERE o.id = $1
ON CONFLICT (org_id, book, channel_id, starts_on) DO NOTHING

-- name: lock
SELECT book, channel_id, starts_on, until_at, state, closing_by, closed_at, closed_by, notes, reopened_at, reopened_by, reopen_approved_by, reopen_reason
  FROM ledger.month WHERE org_id = $1 AND book = $2 AND channel_id = $3 AND starts_on = $4 FOR UPDATE

-- name: lock_later
SELECT starts_on FROM ledger.month
 WHERE org_id = $1 AND book = $2 AND channel_id = $3 AND starts_on >= $4 AND state = 'closed' ORDER BY starts_on FOR UPDATE

-- name: set_state
UPDATE ledger.month SET state = $5, closing_by = $6 WHERE org_id = $1 AND book = $2 AND channel_id = $3 AND starts_on = $4

-- name: close
UPDATE ledger.month SET state = 'closed', closed_at = clock_timestamp(), closed_by = $5, notes = $6
 WHERE org_id = $1 AND book = $2 AND channel_id = $3 AND starts_on = $4

-- name: reopen
UPDATE ledger.month SET state = 'open', closing_by = NULL, closed_at = NULL, closed_by = NULL,
       reopened_at = clock_timestamp(), reopened_by = $5, reopen_approved_by = $6, reopen_reason = $7
 WHERE org_id = $1 AND book = $2 AND channel_id = $3 AND starts_on = ANY ($4::date[])

-- name: stop_posting
SELECT ledger.stop_posting($1)

-- name: move_border
SELECT ledger.move_border($1, $2, $3)

-- name: earlier_open
SELECT min(starts_on) FROM ledger.month
 WHERE org_id = $1 AND book = $2 AND channel_id = $3 AND starts_on < $4 AND state <> 'closed'

-- name: last_closed
SELECT max(starts_on) FROM ledger.month WHERE org_id = $1 AND book = $2 AND channel_id = $3 AND state = 'closed'

-- name: unbalanced
SELECT p.currency, sum(a.balance_minor) AS balance_minor
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
 WHERE a.org_id = $1 AND p.book = $2 AND p.channel_id = $3
 GROUP BY p.currency HAVING sum(a.balance_minor) <> 0 ORDER BY p.currency

-- name: waiting
-- Money on its way or without an owner: each such account that is not empty.
SELECT p.currency, a.code, a.balance_minor
  FROM ledger.account a JOIN ledger.pool p ON p.org_id = $1 AND p.id = a.pool_id
 WHERE a.org_id = $1 AND p.book = $2 AND p.channel_id = $3 AND a.balance_minor <> 0
   AND (a.code IN ('suspense', 'psp_in_transit', 'position_in_transit', 'payout_in_transit', 'refund_in_transit')
        OR a.code ^@ 'bank_in_transit:' OR a.code ^@ 'psp_clearing:')
 ORDER BY p.currency, a.code

-- name: unsealed
SELECT count(*) FROM ledger.journal j
 WHERE j.org_id = $1 AND j.effective_at < $2 AND j.id > coalesce((SELECT max(until_id) FROM ledger.seal WHERE org_id = $1), 0)
