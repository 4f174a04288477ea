-- name: break_page
SELECT b.id, b.run_id, b.channel_id, h.name AS channel, b.type, b.kind, b.key, b.order_id, b.currency, b.ours_minor, b.theirs_minor, b.amount_minor, b.severity,
       b.state, b.due_at, b.found_at
  FROM reconciliation.break b JOIN channels.channel h ON h.org_id = $1 AND h.id = b.channel_id
 WHERE b.org_id = $1 AND ($2::text = '' OR b.id < $2)
   AND (CASE $3::text WHEN '' THEN true WHEN 'open' THEN b.state IN ('open', 'assigned') ELSE b.state = $3 END)
 ORDER BY b.id DESC LIMIT $4

-- name: break_one
SELECT b.id, b.run_id, b.channel_id, h.name AS channel, b.type, b.kind, b.key, b.order_id, b.currency, b.ours_minor, b.theirs_minor, b.amount_minor, b.severity,
       b.state, b.case_id, b.due_at, b.resolution, b.evidence, b.resolved_by, b.approved_by, b.found_at, b.resolved_at
  FROM reconciliation.break b JOIN channels.channel h ON h.org_id = $1 AND h.id = b.channel_id
 WHERE b.org_id = $1 AND b.id = $2

-- name: run_page
SELECT r.id, r.channel_id, h.name AS channel, r.from_at, r.until_at, r.lines, r.ours, r.matched, r.breaks, r.custody_difference_minor, r.state, r.started_at
  FROM reconciliation.run r JOIN channels.channel h ON h.org_id = $1 AND h.id = r.channel_id
 WHERE r.org_id = $1 ORDER BY r.started_at DESC, r.id DESC LIMIT $2

-- name: licence_page
SELECT l.id, l.channel_id, h.name AS channel, l.holder, l.provider_class, l.kind, l.number, l.authority, l.clearing_route, l.valid_from, l.valid_until
  FROM compliance.licence l JOIN channels.channel h ON h.org_id = $1 AND h.id = l.channel_id WHERE l.org_id = $1 ORDER BY l.valid_until

-- name: request_page
SELECT e.id, e.channel_id, h.name AS channel, e.operation, e.correlation, e.method, e.url, e.status, e.failure, e.elapsed_ms, e.started_at
  FROM channels.exchange e JOIN channels.channel h ON h.org_id = $1 AND h.id = e.channel_id
 WHERE e.org_id = $1 AND e.id < $2 AND ($3::text = '' OR e.channel_id = $3) AND ($4::text = '' OR e.correlation = $4)
   AND (NOT $5::boolean OR e.failure <> '' OR e.status >= 400)
 ORDER BY e.id DESC LIMIT $6
