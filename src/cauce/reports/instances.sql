-- name: subject
-- Everything that a runner is told of an instance, as it is stored at this moment.
SELECT n.id, n.state, n.ref, n.redirect_url, s.id AS subscription_id, s.status, s.currency, s.trial_end, s.period_start, s.period_end, s.cancel_at_period_end, s.metadata,
       c.id AS customer_id, c.external_id, c.email, c.name, c.locale, p.id AS plan_id, p.key AS plan_key, p.name AS plan_name, p.version AS plan_version, p.features,
       coalesce(a.level, 'none') AS level
  FROM provisioning.instance n
  JOIN subscriptions.subscription s ON s.org_id = $1 AND s.id = n.subscription_id
  JOIN customers.customer c ON c.org_id = $1 AND c.id = n.customer_id
  JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
  LEFT JOIN entitlements.access a ON a.org_id = $1 AND a.subscription_id = s.id
 WHERE n.org_id = $1 AND n.id = $2

-- name: items
SELECT r.key, i.quantity, i.options FROM subscriptions.item i JOIN catalog.price r ON r.org_id = $1 AND r.id = i.price_id
 WHERE i.org_id = $1 AND i.subscription_id = $2 AND i.removed_at IS NULL ORDER BY i.created_at, i.id

-- name: instance_page
SELECT n.id, n.subscription_id, n.customer_id, c.name AS customer, c.external_id, p.key AS plan, p.name AS plan_name, n.runner, n.channel_id, n.state AS status, n.wanted,
       n.ref, n.redirect_url, n.fields, n.failure, n.due_at AS delete_at, n.ready_at, n.suspended_at, n.deleted_at, n.created_at
  FROM provisioning.instance n
  JOIN customers.customer c ON c.org_id = $1 AND c.id = n.customer_id
  JOIN catalog.plan p ON p.org_id = $1 AND p.id = n.plan_id
 WHERE n.org_id = $1 AND ($2::text = '' OR n.id < $2) AND ($3::text = '' OR n.state = $3) AND ($4::text = '' OR n.customer_id = $4)
   AND ($5::text = '' OR n.subscription_id = $5) AND ($6::text = '' OR n.id = $6) AND (NOT $7 OR n.failure <> '')
 ORDER BY n.id DESC LIMIT $8

-- name: wanted_runner
SELECT n.id AS instance_id, n.channel_id, n.runner
  FROM provisioning.instance n
 WHERE n.org_id = $1 AND n.subscription_id = $2

-- name: paid_invoices
-- What the customer paid for the running term: what is given back when his instance cannot be made.
SELECT i.id FROM invoicing.invoice i JOIN subscriptions.subscription s ON s.org_id = $1 AND s.id = i.subscription_id AND s.term = i.term
 WHERE i.org_id = $1 AND i.subscription_id = $2 AND i.status IN ('open', 'paid') AND i.total_minor > 0 ORDER BY i.id

-- name: held_by
SELECT s.id, s.customer_id, s.product_id, s.plan_id, s.status, s.access_kept, a.level
  FROM subscriptions.subscription s JOIN entitlements.access a ON a.org_id = $1 AND a.subscription_id = s.id
 WHERE s.org_id = $1 AND s.customer_id = ANY ($2::text[]) ORDER BY s.id

-- name: instance_at
SELECT EXISTS (SELECT FROM provisioning.instance n WHERE n.org_id = $1 AND n.state = 'ready' AND (n.redirect_url = $2 OR starts_with(n.redirect_url, $3)))
