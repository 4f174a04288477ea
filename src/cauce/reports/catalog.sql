-- name: holders
-- How many contracts that have not ended each version of a plan has.
SELECT s.plan_id, count(*) AS holders FROM subscriptions.subscription s
 WHERE s.org_id = $1 AND s.status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused', 'incomplete')
   AND s.plan_id IN (SELECT p.id FROM catalog.plan p WHERE p.org_id = $1 AND ($2::text = '' OR p.key = $2))
 GROUP BY s.plan_id

-- name: versions
SELECT id, version, name, state, trial_days, created_at FROM catalog.plan WHERE org_id = $1 AND key = $2 ORDER BY version DESC
