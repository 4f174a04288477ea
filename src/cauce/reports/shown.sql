-- name: standings
-- What providers show of the customers whom these events concern: the running subscription, else the latest one.
SELECT e.id AS event_id, e.public_id AS key, c.id AS customer_id, c.email, c.name,
       coalesce((SELECT jsonb_object_agg(p.channel_id, p.ref) FROM payments.payer p
                  WHERE p.org_id = c.org_id AND p.customer_id = c.id AND p.ref <> ''), '{}') AS payers,
       EXISTS (SELECT FROM subscriptions.subscription x
                WHERE x.org_id = c.org_id AND x.customer_id = c.id AND x.collection = 'charge') AS is_charged,
       s.id AS subscription_id, s.status, s.trial_end, l.key AS plan
  FROM storage.event e
  JOIN customers.customer c ON c.org_id = e.org_id AND c.id = e.customer_id
  LEFT JOIN LATERAL (
       SELECT x.id, x.status, x.trial_end, x.plan_id FROM subscriptions.subscription x
        WHERE x.org_id = c.org_id AND x.customer_id = c.id
        ORDER BY x.status = ANY ($3::text[]) DESC, x.id DESC LIMIT 1) s ON true
  LEFT JOIN catalog.plan l ON l.org_id = c.org_id AND l.id = s.plan_id
 WHERE e.org_id = $1 AND e.id = ANY ($2::bigint[])
