-- name: seal
SELECT ledger.seal_journals($1, $2)

-- name: unsealed
SELECT count(*) FROM ledger.journal
 WHERE org_id = $1 AND id > coalesce((SELECT max(until_id) FROM ledger.seal WHERE org_id = $1), 0)

-- name: find_unsealed
SELECT o.id AS org_id FROM directory.org o
 WHERE o.id = ANY ((SELECT storage.orgs())::bigint[])
   AND EXISTS (SELECT FROM ledger.journal j WHERE j.org_id = o.id
                  AND j.id > coalesce((SELECT max(until_id) FROM ledger.seal s WHERE s.org_id = o.id), 0))
 ORDER BY o.id
