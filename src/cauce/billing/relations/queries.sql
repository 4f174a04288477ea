-- name: modes
SELECT org_id, step, plan_key, mode FROM relations.step_mode WHERE org_id = ANY ($1::bigint[]) AND mode <> 'automatic'

-- name: modes_shown
SELECT step, plan_key, mode, actor, changed_at FROM relations.step_mode WHERE org_id = $1 ORDER BY step, plan_key

-- name: set_mode
INSERT INTO relations.step_mode (org_id, step, plan_key, mode, actor, changed_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (org_id, step, plan_key) DO UPDATE SET mode = excluded.mode, actor = excluded.actor, changed_at = excluded.changed_at

-- name: insert_tasks
INSERT INTO relations.task (org_id, id, step, mode, work, source, key, object_id, customer_id, plan_key, state, at, opened_at)
SELECT $1, u.id, u.step, u.mode, u.work, u.source, u.key, u.object_id, u.customer_id, u.plan_key, 'open', u.at, u.opened_at
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[])
       u(id, step, mode, work, source, key, object_id, customer_id, plan_key, at, opened_at)
ON CONFLICT (org_id, work, source, key) WHERE state IN ('open', 'released') DO NOTHING

-- name: released
SELECT key FROM relations.task WHERE org_id = $1 AND work = $2 AND source = $3 AND key = ANY ($4::text[]) AND state = 'released'

-- name: finish_released
UPDATE relations.task SET state = 'done', ended_at = $5 WHERE org_id = $1 AND work = $2 AND source = $3 AND key = ANY ($4::text[]) AND state = 'released'
RETURNING id, step, object_id, customer_id

-- name: lock_task
SELECT id, step, mode, work, source, key, object_id, customer_id, plan_key, state, at, opened_at FROM relations.task WHERE org_id = $1 AND id = $2 FOR UPDATE

-- name: set_task
UPDATE relations.task SET state = $3, actor = $4, minutes = coalesce($5, minutes), ended_at = $6 WHERE org_id = $1 AND id = $2

-- name: open_tasks
SELECT id FROM relations.task WHERE org_id = $1 AND state = 'open' AND ($2::text = '' OR step = $2) ORDER BY at, id LIMIT $3
