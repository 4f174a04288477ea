-- name: read
SELECT id, customer_id, visitor, visitor_name, visitor_email, channel_id, state, assignee, last_side, last_at, waiting_since, answer_seconds, read_at, opened_at
  FROM conversations.conversation WHERE org_id = $1 AND id = $2

-- name: lock
SELECT id, customer_id, visitor, visitor_name, visitor_email, channel_id, state, assignee, last_side, last_at, waiting_since, answer_seconds, read_at, opened_at
  FROM conversations.conversation WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE

-- name: lock_own
-- The conversation in our own chat that a person's next word belongs to: the newest, open or closed.
SELECT id, customer_id, visitor, visitor_name, visitor_email, channel_id, state, assignee, last_side, last_at, waiting_since, answer_seconds, read_at, opened_at
  FROM conversations.conversation
 WHERE org_id = $1 AND channel_id = '' AND (($2::text <> '' AND customer_id = $2) OR ($2::text = '' AND customer_id = '' AND visitor = $3 AND $3::text <> ''))
 ORDER BY state DESC, id DESC LIMIT 1 FOR NO KEY UPDATE

-- name: lock_outside
SELECT id, customer_id, visitor, visitor_name, visitor_email, channel_id, state, assignee, last_side, last_at, waiting_since, answer_seconds, read_at, opened_at
  FROM conversations.conversation WHERE org_id = $1 AND channel_id = $2 AND ref = $3 AND ref <> '' FOR NO KEY UPDATE

-- name: insert
INSERT INTO conversations.conversation (org_id, id, customer_id, visitor, visitor_name, visitor_email, channel_id, ref, state, last_at, first_standing, opened_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $10, $9) ON CONFLICT DO NOTHING

-- name: insert_message
INSERT INTO conversations.message (org_id, id, conversation_id, customer_id, side, author, body, ref, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (org_id, conversation_id, ref) WHERE ref <> '' DO NOTHING

-- name: has_heard
SELECT EXISTS (
  SELECT FROM conversations.message m
   WHERE m.org_id = $1 AND m.ref = $5 AND m.ref <> ''
     AND m.conversation_id IN (
       SELECT id FROM conversations.conversation
        WHERE org_id = $1 AND (id = $2 OR (customer_id = $3 AND $3 <> '') OR (visitor = $4 AND $4 <> ''))))

-- name: said
-- After a message: who spoke last, whether the customer waits, how long the first answer took.
UPDATE conversations.conversation
   SET state = 'open', closed_at = NULL, last_side = $3, last_at = $4,
       waiting_since = CASE WHEN $3 = 'customer' THEN coalesce(waiting_since, $4) END,
       answer_seconds = CASE WHEN $3 = 'staff' THEN coalesce(answer_seconds, extract(epoch FROM $4::timestamptz - opened_at)::bigint) ELSE answer_seconds END,
       read_at = CASE WHEN $3 = 'customer' THEN $4 ELSE read_at END
 WHERE org_id = $1 AND id = $2

-- name: close
UPDATE conversations.conversation SET state = 'closed', closed_at = $3, waiting_since = NULL WHERE org_id = $1 AND id = $2

-- name: assign
UPDATE conversations.conversation SET assignee = $3 WHERE org_id = $1 AND id = $2

-- name: mark_read
UPDATE conversations.conversation SET read_at = $3 WHERE org_id = $1 AND id = $2

-- name: adopt
-- A visitor became a customer: his conversations follow him. One that would be his second open one is closed instead.
UPDATE conversations.conversation c SET customer_id = $3,
       state = CASE WHEN EXISTS (SELECT FROM conversations.conversation o WHERE o.org_id = $1 AND o.customer_id = $3 AND o.channel_id = '' AND o.state = 'open')
                    THEN 'closed' ELSE c.state END
 WHERE c.org_id = $1 AND c.visitor = $2 AND c.customer_id = '' AND $2::text <> '' RETURNING c.id

-- name: adopt_messages
UPDATE conversations.message SET customer_id = $3 WHERE org_id = $1 AND conversation_id = ANY ($2::text[])

-- name: messages
SELECT id, side, author, body, at FROM conversations.message WHERE org_id = $1 AND conversation_id = $2 AND id > $3 ORDER BY id LIMIT $4

-- name: counted
-- How much was said in conversations so far, for open pages that wait for more.
SELECT m.conversation_id, count(*) AS said FROM conversations.message m
 WHERE m.org_id = $1 AND m.conversation_id = ANY ($2::text[]) GROUP BY m.conversation_id

-- name: forget_words
UPDATE conversations.message SET body = '', author = '' WHERE org_id = $1 AND customer_id = $2

-- name: insert_reply
INSERT INTO conversations.saved_reply (org_id, id, title, body, created_at) VALUES ($1, $2, $3, $4, $5)

-- name: delete_reply
DELETE FROM conversations.saved_reply WHERE org_id = $1 AND id = $2

-- name: replies
SELECT id, title, body FROM conversations.saved_reply WHERE org_id = $1 ORDER BY title, id
