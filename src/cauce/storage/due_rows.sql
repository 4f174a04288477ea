-- The statements of a sweep, with places for what differs between tables: see due_rows.py.

-- name: find
SELECT DISTINCT due.org_id FROM (
  (SELECT x.org_id FROM {table} x JOIN directory.org o ON o.id = x.org_id AND o.mode = 'live'
    WHERE x.{due} <= (SELECT directory.now_at(NULL, 0)) AND {only} ORDER BY x.{due} LIMIT $1)
  UNION ALL
  SELECT o.id FROM (SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE mode = 'sandbox' OFFSET 0) o
   WHERE EXISTS (SELECT FROM {table} x WHERE x.org_id = o.id AND x.{due} <= o.now AND {only})
) due

-- name: find_one_by_one
SELECT o.id AS org_id FROM (SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org OFFSET 0) o
 WHERE EXISTS (SELECT FROM {table} x WHERE x.org_id = o.id AND x.{due} <= o.now AND {only}) LIMIT $1

-- name: claim
-- In order of time, or by these keys: then without a look at all the others that are due.
WITH org AS MATERIALIZED (
  SELECT id, directory.now_at(clock_frozen_at, clock_offset_seconds) AS now FROM directory.org WHERE id = ANY ($1::bigint[])
), by_time AS (
  SELECT due.* FROM org CROSS JOIN LATERAL (
    SELECT {columns}, {key} AS key FROM {table} x
     WHERE $3::text[] IS NULL AND x.org_id = org.id AND x.{due} <= org.now AND {only}
     ORDER BY {order} LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
   ORDER BY due.due_at, due.key LIMIT $2
), by_key AS (
  SELECT due.* FROM org CROSS JOIN LATERAL (
    SELECT {columns}, {key} AS key FROM {table} x
     WHERE x.org_id = org.id AND {these} AND x.{due} <= org.now AND {only}
     ORDER BY {key} FOR NO KEY UPDATE SKIP LOCKED) due
   LIMIT $2
)
SELECT * FROM by_time UNION ALL SELECT * FROM by_key ORDER BY due_at, key

-- name: set_due
UPDATE {table} x SET {due} = $3 WHERE x.org_id = $1 AND {this}

-- name: next_due
SELECT min(x.{due}) FROM {table} x WHERE x.org_id = $1 AND x.{due} IS NOT NULL AND {only}

-- name: due_of
SELECT x.{due} AS due_at FROM {table} x WHERE x.org_id = $1 AND {this} AND {only} AND {may_wait} FOR NO KEY UPDATE

-- name: this_by_one_column
x.{first} = $2

-- name: this_by_several
x.{first} = split_part($2, '/', 1) AND {key} = $2

-- name: these_by_one_column
x.{first} = ANY ($3)

-- name: these_by_several
x.{first} = ANY (SELECT split_part(one, '/', 1) FROM unnest($3::text[]) one) AND {key} = ANY ($3)
