-- name: batch
SELECT b.id, b.merchant_id, m.name AS merchant, h.name AS channel, b.currency, b.runs_on, b.from_at, b.until_at, b.balance_minor,
       b.retained_minor, b.payout_minor
  FROM settlement.batch b
  JOIN merchants.merchant m ON m.org_id = b.org_id AND m.id = b.merchant_id
  JOIN channels.channel h ON h.org_id = b.org_id AND h.id = b.channel_id
 WHERE b.org_id = $1 AND b.id = $2

-- name: lines
-- What moved a merchant's withdrawable money since the settlement before, from the books. What a settlement paid out is
-- taken off that settlement's own statement.
SELECT j.effective_at AS at, j.recipe, j.reference, coalesce(o.external_id, '') AS order_number, (-e.amount_minor)::bigint AS amount_minor
  FROM settlement.batch b
  JOIN ledger.pool p ON p.org_id = b.org_id AND p.book = 'custody' AND p.channel_id = b.channel_id AND p.currency = b.currency
  JOIN ledger.account a ON a.org_id = b.org_id AND a.pool_id = p.id AND a.code = 'member:' || b.merchant_id || ':withdrawable'
  JOIN ledger.entry e ON e.org_id = b.org_id AND e.account_id = a.id
  JOIN ledger.journal j ON j.org_id = b.org_id AND j.id = e.journal_id
  LEFT JOIN orders.purchase o ON o.org_id = b.org_id AND o.id = j.reference
 WHERE b.org_id = $1 AND b.id = $2 AND j.effective_at >= coalesce(b.from_at, '-infinity') AND j.effective_at < b.until_at
   AND NOT EXISTS (SELECT FROM settlement.payout p WHERE p.org_id = b.org_id AND p.id = j.reference AND j.key = 'T12:' || p.id AND p.batch_id <> '')
 ORDER BY j.effective_at, j.id

-- name: cases
SELECT c.id, c.cause, c.owner, c.severity, c.due_at, c.opened_at, c.closed_at, coalesce(b.breaks, 0) AS breaks, coalesce(b.open, 0) AS open_breaks
  FROM reconciliation.case c LEFT JOIN LATERAL (
    SELECT count(*) AS breaks, count(*) FILTER (WHERE x.state IN ('open', 'assigned')) AS open FROM reconciliation.break x
     WHERE x.org_id = $1 AND x.case_id = c.id) b ON true
 WHERE c.org_id = $1 AND ($2::text = '' OR c.id < $2) AND (NOT $3::boolean OR c.closed_at IS NULL) ORDER BY c.id DESC LIMIT $4

-- name: break_metrics
-- Open differences by age and amount, and how long the ended ones took.
SELECT b.channel_id, b.currency, b.severity,
       count(*) FILTER (WHERE b.state IN ('open', 'assigned')) AS open,
       coalesce(sum(abs(b.amount_minor)) FILTER (WHERE b.state IN ('open', 'assigned')), 0)::bigint AS open_amount_minor,
       count(*) FILTER (WHERE b.state IN ('open', 'assigned') AND b.due_at < $2) AS overdue,
       coalesce(max(extract(epoch FROM $2 - b.found_at)) FILTER (WHERE b.state IN ('open', 'assigned')), 0)::bigint AS oldest_seconds,
       count(*) FILTER (WHERE b.resolved_at IS NOT NULL) AS resolved,
       coalesce(avg(extract(epoch FROM b.resolved_at - b.found_at)) FILTER (WHERE b.resolved_at IS NOT NULL), 0)::bigint AS seconds_to_close
  FROM reconciliation.break b WHERE b.org_id = $1 AND b.type <> 'timing' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3

-- name: run_metrics
SELECT channel_id, count(*) AS runs, coalesce(sum(matched), 0)::bigint AS matched, coalesce(sum(matched + breaks), 0)::bigint AS compared
  FROM reconciliation.run WHERE org_id = $1 AND started_at >= $2 GROUP BY 1 ORDER BY 1
