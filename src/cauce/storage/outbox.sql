-- name: emit
-- The sequence per object is gapless because the caller holds the lock on the object's row; the unique index proves it.
WITH told AS (
INSERT INTO storage.event (org_id, public_id, type, object_id, customer_id, sequence, data, previous, actor, cause, occurred_at)
SELECT $1, e.public_id, e.type, e.object_id, e.customer_id,
       -- The policy names the organization to the planner already; a second equality would make the primary key look as
       -- good as event_sequence while there are no statistics, and each event would walk all of the organization's.
       coalesce((SELECT max(p.sequence) FROM storage.event p WHERE p.object_id = e.object_id AND p.org_id + 0 = $1), 0)
         + row_number() OVER (PARTITION BY e.object_id ORDER BY e.n),
       e.data, e.previous, $8, $9, e.occurred_at
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[], $10::timestamptz[])
       WITH ORDINALITY e(public_id, type, object_id, customer_id, data, previous, occurred_at, n)
 ORDER BY e.n
RETURNING id)
INSERT INTO storage.unrelayed (org_id, event_id) SELECT $1, id FROM told

-- name: find
-- One probe per organization that has any, so that none is hidden behind another's backlog.
WITH RECURSIVE busy(org_id) AS (
  (SELECT org_id FROM storage.unrelayed ORDER BY org_id LIMIT 1)
  UNION ALL
  SELECT (SELECT u.org_id FROM storage.unrelayed u WHERE u.org_id > busy.org_id ORDER BY u.org_id LIMIT 1)
    FROM busy WHERE busy.org_id IS NOT NULL
)
SELECT org_id FROM busy WHERE org_id IS NOT NULL

-- name: lock_relay
SELECT pg_try_advisory_xact_lock(1869574510, ($1::bigint % 2147483648)::integer)

-- name: take
-- Each is looked up by its number: a join would trust what the planner believes of a list that is empty most of the time.
WITH first AS MATERIALIZED (SELECT event_id FROM storage.unrelayed WHERE org_id = $1 ORDER BY event_id LIMIT $2)
SELECT e.id, e.public_id, e.type, e.object_id, e.customer_id, e.sequence, e.data, e.previous, e.actor, e.cause, e.occurred_at
  FROM first f, LATERAL (SELECT * FROM storage.event x WHERE x.org_id = $1 AND x.id = f.event_id OFFSET 0) e ORDER BY e.id

-- name: mark
DELETE FROM storage.unrelayed WHERE org_id = $1 AND event_id = ANY ($2::bigint[])

-- name: of_object
SELECT public_id, type, object_id, customer_id, sequence, data, previous, actor, cause, occurred_at
  FROM storage.event WHERE org_id = $1 AND object_id = $2 ORDER BY sequence

-- name: of_customer
SELECT id, public_id, type, object_id, sequence, data, previous, actor, cause, occurred_at
  FROM storage.event WHERE org_id = $1 AND customer_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4

-- name: page
SELECT id, public_id, type, object_id, customer_id, sequence, data, previous, actor, cause, occurred_at
  FROM storage.event WHERE org_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3

-- name: page_of_type
SELECT id, public_id, type, object_id, customer_id, sequence, data, previous, actor, cause, occurred_at
  FROM storage.event WHERE org_id = $1 AND type = $4 AND id < $2 ORDER BY id DESC LIMIT $3

-- name: read_event
SELECT id, public_id, type, object_id, customer_id, sequence, data, previous, actor, cause, occurred_at
  FROM storage.event WHERE org_id = $1 AND id = $2

-- name: read_events
SELECT id, public_id, type, object_id, customer_id, sequence, data, previous, actor, cause, occurred_at
  FROM storage.event WHERE org_id = $1 AND id = ANY ($2::bigint[]) ORDER BY id
