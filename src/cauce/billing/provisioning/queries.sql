-- name: lock_of_subscriptions
SELECT * FROM provisioning.instance WHERE org_id = $1 AND subscription_id = ANY ($2::text[]) ORDER BY id FOR NO KEY UPDATE

-- name: lock_instance
SELECT * FROM provisioning.instance WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE

-- name: instance
SELECT * FROM provisioning.instance WHERE org_id = $1 AND id = $2

-- name: of_subscription
SELECT * FROM provisioning.instance WHERE org_id = $1 AND subscription_id = $2

-- name: insert_instances
INSERT INTO provisioning.instance (org_id, id, subscription_id, customer_id, plan_id, runner, state, wanted, ref, redirect_url, fields, created_at)
SELECT $1, u.*, $10 FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $11::text[], $12::jsonb[])
  u(id, subscription_id, customer_id, plan_id, runner, state, wanted, ref, redirect_url, fields)

-- name: save_instances
UPDATE provisioning.instance x
   SET plan_id = u.plan_id, runner = u.runner, channel_id = u.channel_id, state = u.state, wanted = u.wanted, ref = u.ref, redirect_url = u.redirect_url,
       fields = u.fields, failure = u.failure, due_at = u.due_at, ready_at = u.ready_at, suspended_at = u.suspended_at, deleted_at = u.deleted_at,
       version = x.version + 1
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::jsonb[], $11::text[],
              $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[])
       u(id, plan_id, runner, channel_id, state, wanted, ref, redirect_url, fields, failure, due_at, ready_at, suspended_at, deleted_at)
 WHERE x.org_id = $1 AND x.id = u.id

-- name: insert_operations
INSERT INTO provisioning.operation (org_id, id, instance_id, verb, state, asked, at)
SELECT $1, u.id, u.instance_id, u.verb, 'waiting', u.asked, u.at
  FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::timestamptz[]) u(id, instance_id, verb, asked, at)

-- name: lock_operation
SELECT id, instance_id, verb, state, asked, attempts, failure, at, sent_at, concluded_at
  FROM provisioning.operation WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE

-- name: operations_of
SELECT id, instance_id, verb, state, asked, attempts, failure, at, sent_at, concluded_at
  FROM provisioning.operation WHERE org_id = $1 AND instance_id = $2 ORDER BY id DESC LIMIT $3

-- name: send_operation
UPDATE provisioning.operation SET state = 'sent', attempts = attempts + 1, sent_at = coalesce(sent_at, $3) WHERE org_id = $1 AND id = $2

-- name: mark_asked
UPDATE provisioning.operation SET asked = true WHERE org_id = $1 AND id = $2

-- name: note_failure
UPDATE provisioning.operation SET failure = $3 WHERE org_id = $1 AND id = $2

-- name: conclude_operation
UPDATE provisioning.operation SET state = $3, failure = $4, concluded_at = $5 WHERE org_id = $1 AND id = $2

-- name: reopen_operation
UPDATE provisioning.operation SET state = 'waiting', failure = '', concluded_at = NULL, attempts = 0, at = $3 WHERE org_id = $1 AND id = $2

-- name: insert_history
INSERT INTO provisioning.history (org_id, instance_id, operation_id, at, trigger, source, target)
SELECT $1, u.* FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[]) u
