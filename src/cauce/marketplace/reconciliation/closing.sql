-- name: close_settled_runs
-- Runs of a channel of whose breaks none is open any more, while nothing critical is open at the channel.
UPDATE reconciliation.run r SET state = 'closed', closed_at = $3
 WHERE r.org_id = $1 AND r.channel_id = $2 AND r.state IN ('balanced', 'breaks_open')
   AND NOT EXISTS (SELECT FROM reconciliation.break b WHERE b.org_id = $1 AND b.run_id = r.id AND b.state IN ('open', 'assigned'))
   AND NOT EXISTS (SELECT FROM reconciliation.break b WHERE b.org_id = $1 AND b.channel_id = $2 AND b.severity = 'critical'
                      AND b.state IN ('open', 'assigned') AND b.found_at <= r.started_at)
RETURNING r.id

-- name: open_runs
SELECT count(*) FROM reconciliation.run
 WHERE org_id = $1 AND channel_id = $2 AND state <> 'closed' AND until_at > $3 AND from_at < $4
