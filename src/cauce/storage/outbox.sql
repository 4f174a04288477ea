-- name: emit
-- The sequence per object is gapless because the caller holds the lock on the object's row; the unique index proves it.
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

-- name: find
-- One probe per organization that has any, so that none is hidden behind another's backlog.
WITH RECURSIVE busy(org_id) AS (
  (SELECT org_id FROM storage.event WHERE relayed_at IS NULL ORDER BY org_id LIMIT 1)
  UNION ALL
  SELECT (SELECT e.org_id FROM storage.event e WHERE e.relayed_at IS NULL AND e.org_id > busy.org_id ORDER BY e.org_id LIMIT 1)
    FROM busy WHERE busy.org_id IS NOT NULL
)
SELECT org_id FROM busy WHERE org_id IS NOT NULL

-- name: lock_relay
SELECT pg_try_advisory_xact_lock(1869574510, ($1::bigint % 2147483648)::integer)

-- name: take
SELECT id, public_id, type, object_id, customer_id, sequence, data, previous, actor, cause, occurred_at
  FROM storage.event WHERE org_id = $1 AND relayed_at IS NULL ORDER BY id LIMIT $2 FOR NO KEY UPDATE

-- name: mark
UPDATE storage.event SET relayed_at = clock_timestamp() WHERE org_id = $1 AND id = ANY ($2::bigint[])

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
