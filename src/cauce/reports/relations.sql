-- name: timeline
-- All that was said and done: events, words of conversations and messages, notes. Each part is read newest first by its own
-- index and cut, then they are put together.
SELECT * FROM (
  (SELECT e.type, e.object_id, e.actor, e.data, ''::text AS words, e.occurred_at FROM storage.event e
    WHERE e.org_id = $1 AND e.customer_id = $2 AND e.occurred_at < $3 AND e.type NOT IN ('conversation.opened', 'conversation.replied', 'message.queued', 'message.sent')
    ORDER BY e.id DESC LIMIT $4)
  UNION ALL
  (SELECT 'conversation.' || m.side, m.conversation_id, m.author, '{}'::jsonb, m.body, m.at FROM conversations.message m
    WHERE m.org_id = $1 AND m.customer_id = $2 AND m.customer_id <> '' AND m.at < $3 ORDER BY m.id DESC LIMIT $4)
  UNION ALL
  (SELECT 'message.' || m.state, m.id, m.channel, '{}'::jsonb, m.subject, m.created_at FROM outreach.message m
    WHERE m.org_id = $1 AND m.customer_id = $2 AND m.audience = 'customer' AND m.created_at < $3 ORDER BY m.id DESC LIMIT $4)
  UNION ALL
  (SELECT 'note', n.id, n.author, '{}'::jsonb, n.body, n.created_at FROM relations.note n
    WHERE n.org_id = $1 AND n.customer_id = $2 AND n.created_at < $3 ORDER BY n.id DESC LIMIT $4)
) t ORDER BY occurred_at DESC, object_id DESC LIMIT $4

-- name: todos
SELECT t.id, t.customer_id, c.name AS customer, c.external_id, t.title, t.owner, t.due_on, t.state, t.created_by, t.created_at, t.done_by, t.done_at
  FROM relations.todo t LEFT JOIN customers.customer c ON c.org_id = $1 AND c.id = t.customer_id
 WHERE t.org_id = $1 AND ($2::text = '' OR t.state = $2) AND ($3::text = '' OR t.owner = $3) AND ($4::text = '' OR t.customer_id = $4)
 ORDER BY t.state DESC, t.due_on NULLS LAST, t.id LIMIT $5

-- name: pipeline
-- Each customer's furthest subscription stands in one stage, derived from its state; age since its last step.
WITH staged AS (
  SELECT DISTINCT ON (s.customer_id) s.customer_id, s.currency, s.mrr_minor, h.at,
         CASE WHEN s.status = 'trialing' AND EXISTS (SELECT FROM payments.method m WHERE m.org_id = $1 AND m.customer_id = s.customer_id AND m.usable AND m.removed_at IS NULL) THEN 'card_added'
              WHEN s.status = 'trialing' AND EXISTS (SELECT FROM outreach.product_event e WHERE e.org_id = $1 AND e.customer_id = s.customer_id) THEN 'using'
              WHEN s.status IN ('draft', 'trialing', 'incomplete') THEN 'requested'
              WHEN s.status IN ('past_due', 'unpaid') OR (s.status = 'active' AND s.cancel_at_period_end) THEN 'at_risk'
              WHEN s.status = 'active' AND s.term > 1 THEN 'won_back'
              WHEN s.status = 'active' OR (s.status = 'paused' AND s.pause_reason = 'requested') THEN 'paying'
              ELSE 'lost' END AS stage
    FROM subscriptions.subscription s
    LEFT JOIN LATERAL (SELECT h.at FROM subscriptions.history h WHERE h.org_id = $1 AND h.subscription_id = s.id ORDER BY h.id DESC LIMIT 1) h ON true
   WHERE s.org_id = $1
   ORDER BY s.customer_id, array_position(ARRAY['active', 'past_due', 'unpaid', 'trialing', 'incomplete', 'paused', 'draft', 'canceled', 'expired'], s.status::text), s.id DESC
)
SELECT stage, currency, count(*) AS customers, coalesce(sum(mrr_minor), 0)::bigint AS value_minor,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(day FROM $2::timestamptz - at)::integer) AS age_days
  FROM staged GROUP BY stage, currency ORDER BY stage, currency

-- name: conversion
-- Of those who began a trial in a span: how many have paid since.
SELECT count(DISTINCT h.customer_id) AS tried,
       count(DISTINCT h.customer_id) FILTER (WHERE EXISTS (
         SELECT FROM payments.payment p WHERE p.org_id = $1 AND p.customer_id = h.customer_id AND p.paid_at >= h.at)) AS paid
  FROM subscriptions.history h WHERE h.org_id = $1 AND h.at >= $2 AND h.target = 'trialing' AND h.trigger IN ('subscribe', 'approve')
