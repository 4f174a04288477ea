-- name: insert_endpoint
INSERT INTO webhooks.endpoint (org_id, id, url, event_types, created_at) VALUES ($1, $2, $3, $4, $5)

-- name: endpoints
SELECT id, url, event_types, state, failing_since, created_at FROM webhooks.endpoint WHERE org_id = $1 ORDER BY id

-- name: endpoint
SELECT id, url, event_types, state, failing_since, created_at FROM webhooks.endpoint WHERE org_id = $1 AND id = $2

-- name: lock_endpoint
SELECT id, url, state FROM webhooks.endpoint WHERE org_id = $1 AND id = $2 FOR UPDATE

-- name: delete_endpoint
DELETE FROM webhooks.endpoint WHERE org_id = $1 AND id = $2

-- name: set_state
UPDATE webhooks.endpoint SET state = $3, failing_since = NULL WHERE org_id = $1 AND id = $2

-- name: wait_again
-- What an endpoint did not take: deliveries that wait, and the one whose tries were used up when it was given up.
UPDATE webhooks.delivery SET state = 'waiting' WHERE org_id = $1 AND endpoint_id = $2 AND state <> 'delivered' RETURNING id, event_id

-- name: has_listener
SELECT EXISTS (SELECT FROM webhooks.endpoint WHERE org_id = $1 AND state = 'enabled')

-- name: fan_out
-- One delivery per event and enabled endpoint that wants its type; a second fan-out of the same event adds none. A test is
-- for the endpoint that is tested, whatever it wants.
INSERT INTO webhooks.delivery (org_id, id, endpoint_id, event_id, created_at)
SELECT $1, 'wd_' || lpad(v.id::text, 16, '0') || '_' || substr(e.id, 4), e.id, v.id, $4
  FROM unnest($2::bigint[], $3::text[], $5::text[]) v(id, type, object_id)
  JOIN webhooks.endpoint e ON e.org_id = $1 AND e.state = 'enabled'
   AND CASE WHEN v.type = 'endpoint.tested' THEN e.id = v.object_id ELSE e.event_types = '{}' OR v.type = ANY (e.event_types) END
 ORDER BY v.id, e.id
ON CONFLICT (org_id, endpoint_id, event_id) DO NOTHING
RETURNING id, endpoint_id, event_id

-- name: delivery
SELECT d.id, d.endpoint_id, d.event_id, d.state, d.attempts, e.url, e.state AS endpoint_state
  FROM webhooks.delivery d JOIN webhooks.endpoint e ON e.org_id = d.org_id AND e.id = d.endpoint_id
 WHERE d.org_id = $1 AND d.id = $2

-- name: record_attempt
UPDATE webhooks.delivery
   SET attempts = attempts + 1, last_status = $3, last_answer = $4, state = $5, delivered_at = CASE WHEN $5 = 'delivered' THEN $6::timestamptz END
 WHERE org_id = $1 AND id = $2

-- name: mark_failing
UPDATE webhooks.endpoint SET failing_since = coalesce(failing_since, $3) WHERE org_id = $1 AND id = $2 RETURNING failing_since

-- name: mark_well
UPDATE webhooks.endpoint SET failing_since = NULL WHERE org_id = $1 AND id = $2 AND failing_since IS NOT NULL

-- name: replay
UPDATE webhooks.delivery SET state = 'waiting' WHERE org_id = $1 AND id = $2 RETURNING endpoint_id, event_id

-- name: deliveries
SELECT id, endpoint_id, event_id, state, attempts, last_status, last_answer, created_at, delivered_at
  FROM webhooks.delivery WHERE org_id = $1 AND ($2::text IS NULL OR endpoint_id = $2) AND id < $3 ORDER BY id DESC LIMIT $4
