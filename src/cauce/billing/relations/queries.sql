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

-- name: add_tags
INSERT INTO relations.tag (org_id, customer_id, tag, added_by, added_at)
SELECT $1, c, $3, $4, $5 FROM unnest($2::text[]) c ON CONFLICT DO NOTHING

-- name: drop_tag
DELETE FROM relations.tag WHERE org_id = $1 AND customer_id = $2 AND tag = $3

-- name: tags_of
SELECT tag FROM relations.tag WHERE org_id = $1 AND customer_id = $2 ORDER BY tag

-- name: all_tags
SELECT tag, count(*) AS customers FROM relations.tag WHERE org_id = $1 GROUP BY tag ORDER BY tag

-- name: put_owner
INSERT INTO relations.owner (org_id, customer_id, email, since) VALUES ($1, $2, $3, $4)
ON CONFLICT (org_id, customer_id) DO UPDATE SET email = excluded.email, since = excluded.since

-- name: drop_owner
DELETE FROM relations.owner WHERE org_id = $1 AND customer_id = $2

-- name: owner_of
SELECT email FROM relations.owner WHERE org_id = $1 AND customer_id = $2

-- name: insert_note
INSERT INTO relations.note (org_id, id, customer_id, author, body, created_at) VALUES ($1, $2, $3, $4, $5, $6)

-- name: delete_note
DELETE FROM relations.note WHERE org_id = $1 AND customer_id = $2 AND id = $3

-- name: notes_of
SELECT id, author, body, created_at FROM relations.note WHERE org_id = $1 AND customer_id = $2 ORDER BY id DESC LIMIT $3

-- name: forget_notes
DELETE FROM relations.note WHERE org_id = $1 AND customer_id = $2

-- name: insert_todo
INSERT INTO relations.todo (org_id, id, customer_id, title, owner, due_on, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: finish_todo
UPDATE relations.todo SET state = 'done', done_by = $3, done_at = $4 WHERE org_id = $1 AND id = $2 AND state = 'open' RETURNING customer_id

-- name: todo
SELECT id, customer_id, title, owner, due_on, state, created_by, created_at, done_by, done_at FROM relations.todo WHERE org_id = $1 AND id = $2

-- name: insert_segment
INSERT INTO relations.segment (org_id, id, name, filter, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING

-- name: change_segment
UPDATE relations.segment SET name = $3, filter = $4 WHERE org_id = $1 AND id = $2
   AND NOT EXISTS (SELECT FROM relations.segment o WHERE o.org_id = $1 AND o.name = $3 AND o.id <> $2)

-- name: delete_segment
DELETE FROM relations.segment WHERE org_id = $1 AND id = $2

-- name: filters
SELECT id, filter FROM relations.segment WHERE org_id = $1 AND id = ANY ($2::text[])

-- name: segments
SELECT id, name, filter, created_at FROM relations.segment WHERE org_id = $1 AND ($2::text = '' OR id = $2) ORDER BY name
