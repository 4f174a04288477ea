-- name: inbox
-- Whoever waits longest stands first, whatever he pays (D7); then what was said last.
SELECT v.id, v.customer_id, coalesce(nullif(c.name, ''), nullif(c.external_id, ''), nullif(v.visitor_name, ''), nullif(v.visitor_email, ''), '') AS name,
       v.channel_id, h.name AS channel, v.state, v.assignee, v.last_side, v.last_at, v.waiting_since, m.body AS last_words
  FROM conversations.conversation v
  LEFT JOIN customers.customer c ON c.org_id = $1 AND c.id = v.customer_id
  LEFT JOIN channels.channel h ON h.org_id = $1 AND h.id = v.channel_id
  LEFT JOIN LATERAL (SELECT m.body FROM conversations.message m WHERE m.org_id = $1 AND m.conversation_id = v.id ORDER BY m.id DESC LIMIT 1) m ON true
 WHERE v.org_id = $1 AND v.state = $2 AND ($3::text = '' OR v.assignee = $3) AND (v.waiting_since IS NOT NULL OR NOT $4::boolean)
   AND ($5::text = '' OR v.customer_id = $5)
 ORDER BY v.waiting_since NULLS LAST, v.last_at DESC, v.id LIMIT $6

-- name: answer_times
-- Side by side: how fast people on trial and people who pay are answered (D7).
SELECT first_standing AS standing, count(*) AS opened, count(answer_seconds) AS answered,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY answer_seconds)::bigint AS median_seconds
  FROM conversations.conversation WHERE org_id = $1 AND opened_at >= $2 AND first_standing <> '' GROUP BY 1 ORDER BY 1
