-- Who belongs to a segment: one condition, and three statements with it. A list that is NULL asks for nothing; sub-selects know nothing of
-- the customer beside them, so each is read once and hashed.

-- part: used
(SELECT s.customer_id, CASE m.aggregation WHEN 'sum' THEN sum(r.total) WHEN 'max' THEN max(r.highest) WHEN 'latest' THEN max(r.latest) ELSE sum(r.events) END AS used
   FROM usage.rollup r JOIN subscriptions.subscription s ON s.org_id = $1 AND s.id = r.subscription_id JOIN usage.meter m ON m.org_id = $1 AND m.key = $17
  WHERE r.org_id = $1 AND r.meter_key = $17 AND r.day >= coalesce(s.period_start, s.created_at::date) GROUP BY s.customer_id, m.aggregation)

-- part: in_segment
($2::text[] IS NULL OR c.id IN (SELECT s.customer_id FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.status = ANY ($2)))
  AND ($3::text[] IS NULL OR c.id IN (SELECT s.customer_id FROM subscriptions.subscription s JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
        WHERE s.org_id = $1 AND p.key = ANY ($3) AND s.status IN ('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused')))
  AND ($4::text IS NULL OR c.id IN (SELECT s.customer_id FROM subscriptions.subscription s WHERE s.org_id = $1 AND s.currency = $4
        GROUP BY s.customer_id HAVING coalesce(sum(s.mrr_minor) FILTER (WHERE s.status IN ('active', 'past_due')), 0) BETWEEN coalesce($5::bigint, 0) AND coalesce($6::bigint, 9223372036854775807)))
  AND ($7::text[] IS NULL OR c.id IN (SELECT t.customer_id FROM relations.tag t WHERE t.org_id = $1 AND t.tag = ANY ($7)))
  AND ($8::text[] IS NULL OR c.id NOT IN (SELECT t.customer_id FROM relations.tag t WHERE t.org_id = $1 AND t.tag = ANY ($8)))
  AND ($9::text[] IS NULL OR c.country = ANY ($9))
  AND ($10::text IS NULL OR c.id IN (SELECT o.customer_id FROM relations.owner o WHERE o.org_id = $1 AND o.email = $10))
  AND ($11::text[] IS NULL OR c.id IN (SELECT e.customer_id FROM outreach.product_event e WHERE e.org_id = $1 AND e.name = ANY ($11)))
  AND ($12::text[] IS NULL OR c.id NOT IN (SELECT e.customer_id FROM outreach.product_event e WHERE e.org_id = $1 AND e.name = ANY ($12)))
  AND ($13::boolean IS NULL OR $13 = (c.id IN (SELECT m.customer_id FROM payments.method m WHERE m.org_id = $1 AND m.usable AND m.removed_at IS NULL)))
  AND ($14::boolean IS NULL OR $14 = (c.id IN (SELECT i.customer_id FROM invoicing.invoice i WHERE i.org_id = $1 AND i.status = 'open')))
  AND ($15::timestamptz IS NULL OR c.created_at >= $15) AND ($16::timestamptz IS NULL OR c.created_at < $16)
  AND ($17::text IS NULL OR CASE WHEN coalesce($18::bigint, 0) = 0
        THEN c.id NOT IN (SELECT u.customer_id FROM {used} u WHERE u.used > coalesce($19::bigint, 9223372036854775807))
        ELSE c.id IN (SELECT u.customer_id FROM {used} u WHERE u.used BETWEEN $18 AND coalesce($19::bigint, 9223372036854775807)) END)

-- name: segment_count
SELECT count(*) FROM customers.customer c
 WHERE c.org_id = $1 AND c.erased_at IS NULL AND {in_segment}

-- name: segment_page
SELECT c.id, c.external_id, c.name, c.email, c.country, c.created_at FROM customers.customer c
 WHERE c.org_id = $1 AND c.erased_at IS NULL AND {in_segment} AND c.id > $20 ORDER BY c.id LIMIT $21

-- name: segment_among
-- Of one of several filters: `segments.py` joins one of these for each, with the places of its own parts.
SELECT $20::text AS segment_id, c.id FROM customers.customer c
 WHERE c.org_id = $1 AND c.erased_at IS NULL AND c.id = ANY ($21::text[]) AND {in_segment}
