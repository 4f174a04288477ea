-- name: breaks_of_keys
SELECT id FROM reconciliation.break
 WHERE org_id = $1 AND channel_id = $2 AND kind = $3 AND key = ANY ($4::text[]) AND state IN ('open', 'assigned') ORDER BY id
