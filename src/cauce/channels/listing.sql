-- name: begin
INSERT INTO channels.listing (org_id, channel_id, read_to, accounts_read_to, due_at) VALUES ($1, $2, $3, $3, $4)
ON CONFLICT (org_id, channel_id) DO UPDATE SET due_at = excluded.due_at

-- name: place
SELECT channel_id, read_to, accounts_read_to, read_at, due_at, missed, missed_at, lost_from, lost_to
  FROM channels.listing WHERE org_id = $1 AND channel_id = $2

-- name: move_due
UPDATE channels.listing SET due_at = $3 WHERE org_id = $1 AND channel_id = ANY ($2::text[])

-- name: note_read
-- A span apart from what was read before moves nothing: what lies between is still to be read.
UPDATE channels.listing
   SET read_to = CASE WHEN read_to >= $3 THEN greatest(read_to, $4) ELSE read_to END, read_at = $6,
       accounts_read_to = CASE WHEN $7 AND accounts_read_to >= $3 THEN greatest(accounts_read_to, $4) ELSE accounts_read_to END,
       missed = missed + $5::bigint, missed_at = CASE WHEN $5::bigint > 0 THEN $6 ELSE missed_at END
 WHERE org_id = $1 AND channel_id = $2

-- name: skip_accounts
UPDATE channels.listing SET accounts_read_to = $3 WHERE org_id = $1 AND channel_id = $2 AND accounts_read_to < $3

-- name: note_lost
WITH old AS (SELECT read_to FROM channels.listing WHERE org_id = $1 AND channel_id = $2 AND read_to < $3 FOR UPDATE)
UPDATE channels.listing l
   SET lost_from = CASE WHEN l.lost_to >= old.read_to THEN l.lost_from ELSE old.read_to END, lost_to = $3, read_to = $3
  FROM old WHERE l.org_id = $1 AND l.channel_id = $2
RETURNING old.read_to
