-- name: insert_product_events
INSERT INTO outreach.product_event (org_id, customer_id, name, event_id, occurred_at, properties)
SELECT $1, v.* FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::jsonb[]) v
ON CONFLICT DO NOTHING RETURNING event_id

-- name: product_events
SELECT name, event_id, occurred_at, properties FROM outreach.product_event WHERE org_id = $1 AND customer_id = $2 ORDER BY occurred_at DESC LIMIT $3

-- name: put_goals
INSERT INTO outreach.goals (org_id, plan_key, goals) VALUES ($1, $2, $3)
ON CONFLICT (org_id, plan_key) DO UPDATE SET goals = excluded.goals

-- name: goals
SELECT goals FROM outreach.goals WHERE org_id = $1 AND plan_key = $2
