-- name: proving_line
-- A collection's line shows its fee too.
SELECT l.statement_id, l.row_key, l.occurred_at
  FROM reconciliation.line l JOIN reconciliation.statement s ON s.org_id = $1 AND s.id = l.statement_id AND s.channel_id = $2
 WHERE l.org_id = $1 AND l.key = $4 AND l.key <> '' AND l.status = 'booked' AND (l.kind = $3 OR ($3 = 'fee' AND l.kind = 'collection'))
 ORDER BY l.kind = $3 DESC, l.occurred_at DESC, l.statement_id DESC, l.row_key LIMIT 1
