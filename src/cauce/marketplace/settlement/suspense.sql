-- name: insert_suspense
INSERT INTO settlement.suspense (org_id, id, channel_id, currency, amount_minor, evidence, ref, arrived_at)
SELECT $1, s.* FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::timestamptz[]) s
ON CONFLICT (org_id, evidence) DO NOTHING

-- name: lock_suspense
SELECT id, channel_id, currency, amount_minor, assigned_minor, evidence, ref, arrived_at
  FROM settlement.suspense WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR UPDATE

-- name: assign_suspense
UPDATE settlement.suspense s SET assigned_minor = s.assigned_minor + a.amount
  FROM unnest($2::text[], $3::bigint[]) a(id, amount) WHERE s.org_id = $1 AND s.id = a.id

-- name: suspense_page
SELECT id, channel_id, currency, amount_minor, assigned_minor, evidence, ref, arrived_at FROM settlement.suspense
 WHERE org_id = $1 AND ($2::text = '' OR id < $2) AND (NOT $3 OR assigned_minor < amount_minor) ORDER BY id DESC LIMIT $4
