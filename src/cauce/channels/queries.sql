-- name: insert_channel
INSERT INTO channels.channel (org_id, id, provider, name, base_url, settings) VALUES ($1, $2, $3, $4, $5, $6)

-- part: shown
SELECT c.id, c.provider, c.name, c.base_url, c.settings, c.state, c.key_refused_at, c.stopped_at, c.created_at, c.last_notice_at, c.notices_refused, c.notice_refused_at,
       l.read_to AS notices_read_to, l.read_at AS notices_read_at, l.due_at AS notices_due_at, coalesce(l.missed, 0) AS notices_missed,
       l.missed_at AS notices_missed_at, l.lost_from AS notices_lost_from, l.lost_to AS notices_lost_to
  FROM channels.channel c LEFT JOIN channels.listing l ON l.org_id = c.org_id AND l.channel_id = c.id WHERE c.org_id = $1

-- name: channel
{shown} AND c.id = $2

-- name: channels
{shown} ORDER BY c.created_at, c.id

-- name: lock_channel
SELECT id FROM channels.channel WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE

-- name: count_refused
-- So many deliveries were refused now; when one was before.
WITH old AS (SELECT notice_refused_at FROM channels.channel WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE)
UPDATE channels.channel c SET notices_refused = c.notices_refused + $3::bigint, notice_refused_at = $4
  FROM old WHERE c.org_id = $1 AND c.id = $2 RETURNING c.notices_refused, old.notice_refused_at AS before

-- name: move_channel
UPDATE channels.channel SET base_url = $3, settings = $4 WHERE org_id = $1 AND id = $2

-- name: insert_instructions
INSERT INTO channels.instruction (org_id, key, channel_id, purpose, operation, object_id, request, parent_key, merchant_ref, created_at)
SELECT $1, i.key, i.channel_id, i.purpose, i.operation, i.object_id, i.request, i.parent_key, i.merchant_ref, $10
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::text[], $9::text[])
       i(key, channel_id, purpose, operation, object_id, request, parent_key, merchant_ref)
ON CONFLICT (org_id, key) DO NOTHING

-- name: instructions
SELECT key, channel_id, purpose, operation, object_id, request, parent_key, merchant_ref, state, ref, outcome, sends, asks, created_at, access, tries, needs_person_since,
       EXISTS (SELECT FROM channels.channel c WHERE c.org_id = $1 AND c.id = channel_id AND c.stopped_at IS NOT NULL)
       OR EXISTS (SELECT FROM channels.stop s WHERE s.org_id = $1 AND s.channel_id = instruction.channel_id
                     AND s.merchant_ref IN ('', instruction.merchant_ref)) AS is_stopped
  FROM channels.instruction WHERE org_id = $1 AND key = ANY ($2::text[])

-- name: lock_instructions
SELECT key, channel_id, purpose, operation, object_id, request, parent_key, merchant_ref, state, ref, outcome, sends, asks, created_at, access, tries, needs_person_since,
       EXISTS (SELECT FROM channels.channel c WHERE c.org_id = $1 AND c.id = channel_id AND c.stopped_at IS NOT NULL)
       OR EXISTS (SELECT FROM channels.stop s WHERE s.org_id = $1 AND s.channel_id = instruction.channel_id
                     AND s.merchant_ref IN ('', instruction.merchant_ref)) AS is_stopped
  FROM channels.instruction WHERE org_id = $1 AND key = ANY ($2::text[]) ORDER BY key FOR UPDATE

-- name: mark_sent
-- The answers may be lost: from here on the outcome is open, and somebody will ask at $3.
UPDATE channels.instruction SET state = 'sent', sends = sends + 1, due_at = $3
 WHERE org_id = $1 AND key = ANY ($2::text[]) AND state IN ('created', 'sent')

-- name: store_outcomes
UPDATE channels.instruction i
   SET state = o.state, ref = CASE WHEN o.ref = '' THEN i.ref ELSE o.ref END, outcome = o.outcome, due_at = o.due_at,
       asks = i.asks + 1, concluded_at = o.concluded_at, access = o.access, tries = o.tries, needs_person_since = o.needs_person_since
  FROM unnest($2::text[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[], $7::timestamptz[], $8::text[], $9::int[], $10::timestamptz[])
       o(key, state, ref, outcome, due_at, concluded_at, access, tries, needs_person_since)
 WHERE i.org_id = $1 AND i.key = o.key

-- name: ask_claimed
-- Claimed for asking at $3. If the question itself is lost: due again after $4, later the longer nothing is known, at most $5.
UPDATE channels.instruction SET due_at = $3::timestamptz + least(greatest($4::interval, ($3 - created_at) / 10), $5::interval)
 WHERE org_id = $1 AND key = ANY ($2::text[])

-- name: ask_later
UPDATE channels.instruction SET due_at = $3 WHERE org_id = $1 AND key = ANY ($2::text[])

-- name: ask_open_at
UPDATE channels.instruction SET due_at = least(due_at, $3)
 WHERE org_id = $1 AND key = ANY ($2::text[]) AND due_at IS NOT NULL AND concluded_at IS NULL

-- name: refuse_keys
UPDATE channels.channel SET key_refused_at = $3 WHERE org_id = $1 AND id = ANY ($2::text[]) AND key_refused_at IS NULL RETURNING id

-- name: take_keys
UPDATE channels.channel SET key_refused_at = NULL WHERE org_id = $1 AND id = ANY ($2::text[]) AND key_refused_at IS NOT NULL RETURNING id

-- name: ask_refused
-- What waits for credentials is asked about at $3; whoever is at work on one of them goes on by himself.
UPDATE channels.instruction i SET due_at = $3
  FROM (SELECT key FROM channels.instruction
         WHERE org_id = $1 AND channel_id = ANY ($2::text[]) AND access IN ('key', 'signature') AND due_at > $3
         ORDER BY key FOR UPDATE SKIP LOCKED) w
 WHERE i.org_id = $1 AND i.key = w.key

-- name: note_unsigned
-- Wrong signatures of the last minutes; who has too many is stopped.
UPDATE channels.channel c
   SET signatures_failed_at = f.failed, stopped_at = CASE WHEN cardinality(f.failed) >= $6 THEN coalesce(c.stopped_at, $4) END
  FROM (SELECT o.id, array_fill($4::timestamptz, ARRAY[least(n.count, $6)])
               || ARRAY(SELECT t FROM unnest(o.signatures_failed_at) t WHERE t > $5 ORDER BY t DESC LIMIT $6) AS failed, o.stopped_at
          FROM unnest($2::text[], $3::int[]) n(id, count) JOIN channels.channel o ON o.org_id = $1 AND o.id = n.id
         ORDER BY o.id FOR UPDATE OF o) f
 WHERE c.org_id = $1 AND c.id = f.id AND c.stopped_at IS NULL
RETURNING CASE WHEN c.stopped_at IS NOT NULL THEN c.id END AS id

-- name: resume_calls
UPDATE channels.channel SET stopped_at = NULL, signatures_failed_at = '{}' WHERE org_id = $1 AND id = $2 AND stopped_at IS NOT NULL RETURNING id

-- name: ask_all
-- Everything that was asked of a channel and has no end yet is asked about at $3.
UPDATE channels.instruction i SET due_at = $3
  FROM (SELECT key FROM channels.instruction
         WHERE org_id = $1 AND channel_id = $2 AND concluded_at IS NULL AND due_at > $3 ORDER BY key FOR UPDATE SKIP LOCKED) w
 WHERE i.org_id = $1 AND i.key = w.key

-- name: is_stopped
SELECT c.stopped_at IS NOT NULL OR EXISTS (SELECT FROM channels.stop s WHERE s.org_id = $1 AND s.channel_id = $2 AND s.merchant_ref = '')
  FROM channels.channel c WHERE c.org_id = $1 AND c.id = $2

-- name: stop_calls
INSERT INTO channels.stop (org_id, channel_id, merchant_ref, instruction_key, code, message, stopped_at)
SELECT DISTINCT ON (s.channel_id, s.merchant_ref) $1::bigint, s.channel_id, s.merchant_ref, s.instruction_key, s.code, s.message, $7::timestamptz
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) s(channel_id, merchant_ref, instruction_key, code, message)
 ORDER BY s.channel_id, s.merchant_ref, s.instruction_key
ON CONFLICT (org_id, channel_id, merchant_ref) DO NOTHING
RETURNING channel_id, merchant_ref, instruction_key, code, message

-- name: drop_stops
DELETE FROM channels.stop WHERE org_id = $1 AND channel_id = $2 AND ($3::text IS NULL OR merchant_ref = $3) RETURNING merchant_ref

-- name: stops
SELECT channel_id, merchant_ref, instruction_key, code, message, stopped_at FROM channels.stop WHERE org_id = $1 ORDER BY channel_id, merchant_ref

-- name: needing_person
SELECT key, channel_id, operation, object_id, merchant_ref, tries, outcome, needs_person_since
  FROM channels.instruction WHERE org_id = $1 AND needs_person_since IS NOT NULL ORDER BY needs_person_since, key LIMIT $2

-- name: hold_for_person
UPDATE channels.instruction SET needs_person_since = coalesce(needs_person_since, $3) WHERE org_id = $1 AND key = $2

-- name: try_all_again
-- Every command of a channel that was put off too often; those that wait for somebody's money have a time of their own.
UPDATE channels.instruction SET tries = 0, needs_person_since = NULL, due_at = $3
 WHERE org_id = $1 AND channel_id = $2 AND needs_person_since IS NOT NULL AND access <> 'funds' RETURNING key

-- name: try_again
UPDATE channels.instruction SET tries = 0, needs_person_since = NULL, due_at = $3
 WHERE org_id = $1 AND key = $2 AND needs_person_since IS NOT NULL RETURNING key

-- name: open_of_object
SELECT key, purpose, operation, state FROM channels.instruction
 WHERE org_id = $1 AND object_id = ANY ($2::text[]) AND state NOT IN ('succeeded', 'declined')

-- name: any_open
-- Whether something is on its way to or at a channel, but for payers who may still come.
SELECT EXISTS (SELECT FROM channels.instruction WHERE org_id = $1 AND channel_id = $2 AND concluded_at IS NULL
                  AND NOT (operation IN ('collect', 'collect_combined') AND state = 'pending'))

-- name: unknown_before
-- Whatever is not final is asked about, so it has a due time. What waits for somebody's money has not happened.
SELECT i.operation, count(*) AS many FROM channels.instruction i
 WHERE i.org_id = $1 AND i.due_at IS NOT NULL AND i.state = 'unknown' AND i.access <> 'funds' AND i.created_at < $2 AND ($3::text = '' OR i.channel_id = $3)
 GROUP BY i.operation ORDER BY i.operation

-- name: instructions_of_object
SELECT key, channel_id, purpose, operation, state, ref, outcome, sends, asks, created_at, concluded_at
  FROM channels.instruction WHERE org_id = $1 AND object_id = $2 ORDER BY created_at, key

-- name: concluded
-- Of these keys, and of these (ref, operation) pairs, those whose instruction is final.
SELECT i.key, i.ref, i.operation FROM channels.instruction i
 WHERE i.org_id = $1 AND i.key = ANY ($3::text[]) AND i.concluded_at IS NOT NULL
UNION ALL
SELECT '', i.ref, i.operation FROM unnest($4::text[], $5::text[]) w(ref, operation)
  JOIN channels.instruction i ON i.org_id = $1 AND i.channel_id = $2 AND i.ref = w.ref AND i.ref <> '' AND i.operation = w.operation
 WHERE i.concluded_at IS NOT NULL

-- name: keys_in_state
SELECT key FROM channels.instruction
 WHERE org_id = $1 AND channel_id = $2 AND operation = $3 AND state = $4 ORDER BY created_at, key

-- name: keys_by_ref
SELECT i.key, i.channel_id, i.ref, i.operation
  FROM channels.instruction i JOIN unnest($2::text[], $3::text[], $4::text[]) w(channel_id, ref, operation)
    ON i.org_id = $1 AND i.channel_id = w.channel_id AND i.ref = w.ref AND i.ref <> '' AND i.operation = w.operation

-- name: insert_exchanges
INSERT INTO channels.exchange (org_id, channel_id, operation, correlation, method, url, status, failure, elapsed_ms, started_at, key_id, box)
SELECT $1, e.*
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::text[], $9::int[], $10::timestamptz[], $11::text[], $12::bytea[]) e

-- name: exchanges
SELECT id, channel_id, operation, correlation, method, url, status, failure, elapsed_ms, started_at, key_id, box
  FROM channels.exchange WHERE org_id = $1 AND ($2::text IS NULL OR correlation = $2) AND id < $3 ORDER BY id DESC LIMIT $4

-- name: insert_notices
-- When the provider told us something last is known to the minute: else every delivery would wait for the row.
WITH seen AS (UPDATE channels.channel SET last_notice_at = $7::timestamptz
               WHERE org_id = $1 AND id = $2 AND (last_notice_at IS NULL OR last_notice_at < $7::timestamptz - interval '1 minute'))
INSERT INTO channels.notice (org_id, channel_id, event_id, kind, key, content, received_at)
SELECT $1, $2, n.event_id, n.kind, n.key, n.content, $7
  FROM unnest($3::text[], $4::text[], $5::text[], $6::jsonb[]) n(event_id, kind, key, content)
ON CONFLICT (org_id, channel_id, event_id) DO NOTHING
RETURNING event_id

-- name: notices_named
SELECT n.channel_id, n.event_id, n.kind, n.key, n.content, n.received_at, n.done_at
  FROM channels.notice n JOIN unnest($2::text[], $3::text[]) w(channel_id, event_id)
    ON n.org_id = $1 AND n.channel_id = w.channel_id AND n.event_id = w.event_id

-- name: finish_notices
UPDATE channels.notice n SET done_at = clock_timestamp() FROM unnest($2::text[], $3::text[]) w(channel_id, event_id)
 WHERE n.org_id = $1 AND n.channel_id = w.channel_id AND n.event_id = w.event_id

-- name: notices
SELECT channel_id, event_id, kind, key, received_at, done_at FROM channels.notice WHERE org_id = $1 ORDER BY received_at DESC, event_id LIMIT $2

-- name: reserve_calls
-- $3 places, $4 apart, behind those that are taken; a line that rested may make up $5.
WITH clock AS MATERIALIZED (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_micros)
INSERT INTO channels.line AS l (org_id, channel_id, next_micros)
SELECT $1, $2, now_micros - $5::bigint + $3::bigint * $4::bigint FROM clock
ON CONFLICT (org_id, channel_id) DO UPDATE
   SET next_micros = greatest(l.next_micros, excluded.next_micros - $3::bigint * $4::bigint) + $3::bigint * $4::bigint
RETURNING next_micros - $3::bigint * $4::bigint AS first_micros, (SELECT now_micros FROM clock) AS now_micros
