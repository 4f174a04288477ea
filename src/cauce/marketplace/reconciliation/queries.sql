-- name: begin_statement
INSERT INTO reconciliation.statement (org_id, public_id, channel_id, kind, day, state, imported_at)
VALUES ($1, $2, $3, $4, $5, 'fetching', $6)
ON CONFLICT (org_id, channel_id, kind, day) DO UPDATE SET channel_id = excluded.channel_id
RETURNING id, public_id, state, content_hash, lines

-- name: clear_lines
DELETE FROM reconciliation.line WHERE org_id = $1 AND statement_id = $2

-- name: insert_lines
INSERT INTO reconciliation.line (org_id, statement_id, row_key, kind, key, ref, order_ref, account_ref, amount_minor, fee_minor, currency, occurred_at, state, status)
SELECT $1, $2, l.*
  FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::text[],
              $12::timestamptz[], $13::text[], $14::text[]) l
ON CONFLICT (org_id, statement_id, row_key) DO NOTHING
RETURNING row_key

-- name: missing_statements
SELECT kind, day FROM reconciliation.statement WHERE org_id = $1 AND channel_id = $2 AND content_hash IS NULL AND day < $3 ORDER BY day, kind

-- name: told_by
SELECT row_key, kind, key FROM reconciliation.line WHERE org_id = $1 AND statement_id = $2 AND row_key > $3 ORDER BY row_key LIMIT $4

-- name: rows_gone
SELECT DISTINCT r.kind, r.key FROM unnest($3::text[], $4::text[], $5::text[]) r(row_key, kind, key)
 WHERE NOT EXISTS (SELECT FROM reconciliation.line l WHERE l.org_id = $1 AND l.statement_id = $2 AND l.row_key = r.row_key)

-- name: finish_statement
UPDATE reconciliation.statement SET state = 'parsed', content_hash = $3, lines = $4, account_ref = $5, opening_minor = $6, closing_minor = $7,
       map_version = $8
 WHERE org_id = $1 AND id = $2

-- name: previous_closing
-- How the statement before this day closed, of the same account.
SELECT closing_minor FROM reconciliation.statement
 WHERE org_id = $1 AND channel_id = $2 AND account_ref = $3 AND account_ref <> '' AND day < $4 AND closing_minor IS NOT NULL ORDER BY day DESC LIMIT 1

-- name: statement_page
SELECT id, public_id, channel_id, kind, day, account_ref, lines, opening_minor, closing_minor, map_version, state, imported_at
  FROM reconciliation.statement WHERE org_id = $1 AND ($2::text = '' OR channel_id = $2) AND ($3::bigint = 0 OR id < $3) ORDER BY id DESC LIMIT $4

-- name: last_days
-- The latest day of which a channel has a statement of each kind.
SELECT kind, max(day) AS day FROM reconciliation.statement WHERE org_id = $1 AND channel_id = $2 AND content_hash IS NOT NULL GROUP BY kind

-- name: statement_matched
UPDATE reconciliation.statement SET state = 'matched' WHERE org_id = $1 AND id = ANY ($2::bigint[])

-- name: statements
SELECT id, public_id, channel_id, kind, day, lines, state, imported_at FROM reconciliation.statement
 WHERE org_id = $1 AND channel_id = $2 AND state = 'parsed' ORDER BY day, kind

-- name: lines_without_key
-- Lines without our key, and those of payouts, whose numbers some providers write in their own way.
SELECT statement_id, row_key, kind, key, ref, order_ref, account_ref, amount_minor, currency, occurred_at FROM reconciliation.line
 WHERE org_id = $1 AND statement_id = ANY ($2::bigint[]) AND (key = '' OR kind IN ('payout', 'other')) AND key NOT LIKE 'line:%'
 ORDER BY statement_id, row_key

-- name: lines_of_kinds
SELECT statement_id, row_key, kind, key, ref, order_ref, account_ref, amount_minor, fee_minor, currency, occurred_at, state,
       status
  FROM reconciliation.line
 WHERE org_id = $1 AND statement_id = ANY ($2::bigint[]) AND kind = ANY ($3::text[]) AND row_key NOT LIKE '%~again%'
 ORDER BY statement_id, row_key

-- name: set_keys
UPDATE reconciliation.line l SET key = k.key FROM unnest($2::bigint[], $3::text[], $4::text[]) k(statement_id, row_key, key)
 WHERE l.org_id = $1 AND l.statement_id = k.statement_id AND l.row_key = k.row_key

-- name: set_kinds
-- What bank lines turned out to be.
UPDATE reconciliation.line l SET kind = k.kind FROM unnest($2::bigint[], $3::text[], $4::text[]) k(statement_id, row_key, kind)
 WHERE l.org_id = $1 AND l.statement_id = k.statement_id AND l.row_key = k.row_key

-- name: terms
SELECT fee_tolerances, timing_days, accept_max_minor, csv_map, map_version FROM reconciliation.terms WHERE org_id = $1 AND channel_id = $2

-- name: set_terms
INSERT INTO reconciliation.terms (org_id, channel_id, fee_tolerances, timing_days, accept_max_minor) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (org_id, channel_id) DO UPDATE
   SET fee_tolerances = excluded.fee_tolerances, timing_days = excluded.timing_days, accept_max_minor = excluded.accept_max_minor

-- name: set_csv_map
INSERT INTO reconciliation.terms (org_id, channel_id, csv_map, map_version) VALUES ($1, $2, $3, 1)
ON CONFLICT (org_id, channel_id) DO UPDATE SET csv_map = excluded.csv_map, map_version = reconciliation.terms.map_version + 1
RETURNING map_version

-- name: rename_keys
UPDATE reconciliation.line l SET key = k.new FROM unnest($2::text[], $3::text[]) k(old, new) WHERE l.org_id = $1 AND l.key = k.old AND l.key <> ''

-- name: last_journal
SELECT coalesce(max(until_id), 0) FROM reconciliation.run WHERE org_id = $1 AND channel_id = $2

-- name: insert_run
INSERT INTO reconciliation.run (org_id, id, channel_id, from_at, until_at, from_id, until_id, lines, ours, matched, breaks, state, started_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)

-- name: lock_run
SELECT id, channel_id, from_at, until_at, state, custody_difference_minor FROM reconciliation.run WHERE org_id = $1 AND id = $2 FOR UPDATE

-- name: update_run
UPDATE reconciliation.run SET state = $3, closed_at = $4, custody_difference_minor = coalesce($5, custody_difference_minor)
 WHERE org_id = $1 AND id = $2

-- name: stopping_open
-- Open breaks of types that stop a channel's payouts.
SELECT count(*) FROM reconciliation.break WHERE org_id = $1 AND channel_id = $2 AND type = ANY ($3::text[]) AND state IN ('open', 'assigned')

-- name: accepted_gap
-- Whether two persons accepted that a statement does not add up.
SELECT EXISTS (SELECT FROM reconciliation.break WHERE org_id = $1 AND channel_id = $2 AND kind = 'statement' AND key = $3
                  AND type = 'balance_gap' AND state = 'accepted')

-- name: propose
UPDATE reconciliation.break b SET proposal = p.proposal FROM unnest($2::text[], $3::text[]) p(id, proposal)
 WHERE b.org_id = $1 AND b.id = p.id AND b.state IN ('open', 'assigned')

-- name: critical_open
SELECT count(*) FROM reconciliation.break WHERE org_id = $1 AND channel_id = $2 AND severity = 'critical' AND state IN ('open', 'assigned')

-- name: insert_breaks
INSERT INTO reconciliation.break (org_id, id, run_id, channel_id, type, kind, key, order_id, currency, ours_minor, theirs_minor, amount_minor,
                                  severity, state, due_at, found_at)
SELECT $1, b.id, $2, $3, b.type, b.kind, b.key, b.order_id, b.currency, b.ours, b.theirs, b.amount, b.severity, 'open', b.due_at, $14
  FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[],
              $13::text[], $15::timestamptz[]) b(id, type, kind, key, order_id, currency, ours, theirs, amount, severity, due_at)
ON CONFLICT (org_id, channel_id, kind, key, type) DO UPDATE
   SET ours_minor = excluded.ours_minor, theirs_minor = excluded.theirs_minor, amount_minor = excluded.amount_minor
 WHERE reconciliation.break.state IN ('open', 'assigned')
RETURNING id, (xmax = 0) AS is_new

-- name: open_breaks
SELECT id, type, kind, key, order_id, currency, ours_minor, theirs_minor, amount_minor, severity, state, case_id, due_at, found_at, proposal
  FROM reconciliation.break WHERE org_id = $1 AND channel_id = $2 AND state IN ('open', 'assigned') ORDER BY id

-- name: close_breaks
UPDATE reconciliation.break SET state = 'closed', resolution = $3, resolved_by = $4, resolved_at = $5
 WHERE org_id = $1 AND id = ANY ($2::text[]) AND state IN ('open', 'assigned')

-- name: retype_breaks
UPDATE reconciliation.break b SET type = 'missing_there', severity = 'normal'
 WHERE b.org_id = $1 AND b.channel_id = $2 AND b.type = 'timing' AND b.state IN ('open', 'assigned') AND b.found_at < $3
   AND NOT EXISTS (SELECT FROM reconciliation.break o WHERE o.org_id = b.org_id AND o.channel_id = b.channel_id AND o.kind = b.kind
                      AND o.key = b.key AND o.type = 'missing_there')

-- name: lock_break
SELECT id, run_id, channel_id, type, kind, key, order_id, currency, ours_minor, theirs_minor, amount_minor, severity, state, case_id,
       resolution, evidence, resolved_by, approved_by, proposal
  FROM reconciliation.break WHERE org_id = $1 AND id = $2 FOR UPDATE

-- name: resolve_break
UPDATE reconciliation.break SET state = $3, resolution = $4, evidence = $5, resolved_by = $6, approved_by = $7, resolved_at = $8
 WHERE org_id = $1 AND id = $2

-- name: insert_case
INSERT INTO reconciliation.case (org_id, id, cause, owner, severity, due_at, opened_at) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: lock_case
SELECT id, cause, owner, severity, due_at, opened_at, closed_at FROM reconciliation.case WHERE org_id = $1 AND id = $2 FOR UPDATE

-- name: update_case
UPDATE reconciliation.case SET owner = $3, closed_at = $4 WHERE org_id = $1 AND id = $2

-- name: close_cases
UPDATE reconciliation.case c SET closed_at = $3
 WHERE c.org_id = $1 AND c.id = ANY ($2::text[]) AND c.closed_at IS NULL
   AND NOT EXISTS (SELECT FROM reconciliation.break b WHERE b.org_id = $1 AND b.case_id = c.id AND b.state IN ('open', 'assigned'))
RETURNING c.id

-- name: siblings
SELECT id, proposal FROM reconciliation.break
 WHERE org_id = $1 AND id = ANY ($2::text[]) AND channel_id = $3 AND state IN ('open', 'assigned') ORDER BY id

-- name: assign_breaks
UPDATE reconciliation.break SET state = 'assigned', case_id = $3 WHERE org_id = $1 AND id = ANY ($2::text[]) AND state IN ('open', 'assigned')
