-- name: put_meter
INSERT INTO usage.meter (org_id, key, name, aggregation, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (org_id, key) DO NOTHING

-- name: meters
SELECT key, name, aggregation, created_at, archived_at FROM usage.meter WHERE org_id = $1 ORDER BY key

-- name: record
-- One statement: events that are new (each counts once, whoever sends it again), and what they add to their days.
WITH given AS (
  SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::numeric[], $8::text[], $9::timestamptz[], $10::date[])
         u(source, event_id, meter_key, customer_id, subscription_id, value, unique_value, occurred_at, day)
), known AS (
  INSERT INTO usage.event_key (org_id, source, event_id, subscription_id, meter_key, day)
  SELECT $1, u.source, u.event_id, u.subscription_id, u.meter_key, u.day FROM given u ORDER BY u.source, u.event_id
  ON CONFLICT (org_id, source, event_id) DO NOTHING
  RETURNING source, event_id
), fresh AS (
  INSERT INTO usage.event (org_id, subscription_id, meter_key, day, source, event_id, customer_id, value, unique_value, occurred_at, recorded_at)
  SELECT $1, u.subscription_id, u.meter_key, u.day, u.source, u.event_id, u.customer_id, u.value, u.unique_value, u.occurred_at, $11
    FROM given u JOIN known k ON k.source = u.source AND k.event_id = u.event_id
  RETURNING meter_key, subscription_id, value, unique_value, occurred_at, day
), days AS (
  INSERT INTO usage.rollup AS r (org_id, subscription_id, meter_key, day, events, total, highest, latest, latest_at)
  SELECT $1, f.subscription_id, f.meter_key, f.day, count(*), sum(f.value), max(f.value),
         (array_agg(f.value ORDER BY f.occurred_at DESC))[1], max(f.occurred_at)
    FROM fresh f WHERE f.subscription_id <> '' GROUP BY f.subscription_id, f.meter_key, f.day ORDER BY 2, 3, 4
  ON CONFLICT (org_id, subscription_id, meter_key, day) DO UPDATE
     SET events = r.events + excluded.events, total = r.total + excluded.total, highest = greatest(r.highest, excluded.highest),
         latest = CASE WHEN excluded.latest_at >= r.latest_at THEN excluded.latest ELSE r.latest END,
         latest_at = greatest(r.latest_at, excluded.latest_at)
  RETURNING 1
), seen AS (
  INSERT INTO usage.distinct_value (org_id, subscription_id, meter_key, day, value)
  SELECT DISTINCT $1::bigint, f.subscription_id, f.meter_key, f.day, f.unique_value
    FROM fresh f WHERE f.subscription_id <> '' AND f.unique_value <> ''
  ON CONFLICT DO NOTHING
  RETURNING 1
)
SELECT count(*) FROM known

-- name: put_keys
-- Events that only take another one back: known from now on, counted nowhere.
WITH known AS (
  INSERT INTO usage.event_key (org_id, source, event_id, subscription_id, meter_key, day)
  SELECT $1, u.source, u.event_id, '', u.meter_key, u.day
    FROM unnest($2::text[], $3::text[], $4::text[], $5::date[]) u(source, event_id, meter_key, day) ORDER BY u.source, u.event_id
  ON CONFLICT (org_id, source, event_id) DO NOTHING
  RETURNING 1)
SELECT count(*) FROM known

-- name: keys
SELECT k.source, k.event_id, k.subscription_id, k.meter_key, k.day, c.by_event_id
  FROM unnest($2::text[], $3::text[]) w(source, event_id)
  JOIN usage.event_key k ON k.org_id = $1 AND k.source = w.source AND k.event_id = w.event_id
  LEFT JOIN usage.correction c ON c.org_id = $1 AND c.source = w.source AND c.event_id = w.event_id

-- name: put_corrections
WITH struck AS (
  INSERT INTO usage.correction (org_id, source, event_id, by_event_id, recorded_at)
  SELECT $1, u.source, u.event_id, u.by_event_id, $5
    FROM unnest($2::text[], $3::text[], $4::text[]) u(source, event_id, by_event_id) ORDER BY u.source, u.event_id
  ON CONFLICT (org_id, source, event_id) DO NOTHING
  RETURNING 1)
SELECT count(*) FROM struck

-- name: lock_days
-- Whoever adds to these days now is waited for; whoever comes later adds to what is made anew.
SELECT FROM usage.rollup r JOIN unnest($2::text[], $3::text[], $4::date[]) w(subscription_id, meter_key, day)
    ON r.subscription_id = w.subscription_id AND r.meter_key = w.meter_key AND r.day = w.day
 WHERE r.org_id = $1 ORDER BY r.subscription_id, r.meter_key, r.day FOR UPDATE OF r

-- name: remake_days
WITH made AS (
  SELECT w.subscription_id, w.meter_key, w.day, e.*
    FROM unnest($2::text[], $3::text[], $4::date[]) w(subscription_id, meter_key, day)
   CROSS JOIN LATERAL (
     SELECT count(*) AS events, sum(e.value) AS total, max(e.value) AS highest,
            (array_agg(e.value ORDER BY e.occurred_at DESC, e.recorded_at DESC))[1] AS latest, max(e.occurred_at) AS latest_at
       FROM usage.event e
      WHERE e.org_id = $1 AND e.subscription_id = w.subscription_id AND e.meter_key = w.meter_key AND e.day = w.day
        AND NOT EXISTS (SELECT FROM usage.correction c WHERE c.org_id = $1 AND c.source = e.source AND c.event_id = e.event_id)) e
), emptied AS (
  DELETE FROM usage.rollup r USING made m
   WHERE m.events = 0 AND r.org_id = $1 AND r.subscription_id = m.subscription_id AND r.meter_key = m.meter_key AND r.day = m.day
)
INSERT INTO usage.rollup AS r (org_id, subscription_id, meter_key, day, events, total, highest, latest, latest_at)
SELECT $1, m.subscription_id, m.meter_key, m.day, m.events, m.total, m.highest, m.latest, m.latest_at FROM made m WHERE m.events > 0
ON CONFLICT (org_id, subscription_id, meter_key, day) DO UPDATE
   SET events = excluded.events, total = excluded.total, highest = excluded.highest, latest = excluded.latest, latest_at = excluded.latest_at

-- name: drop_values
-- Distinct values of these days that no event names any more.
DELETE FROM usage.distinct_value d USING unnest($2::text[], $3::text[], $4::date[]) w(subscription_id, meter_key, day)
 WHERE d.org_id = $1 AND d.subscription_id = w.subscription_id AND d.meter_key = w.meter_key AND d.day = w.day
   AND NOT EXISTS (
     SELECT FROM usage.event e
      WHERE e.org_id = $1 AND e.subscription_id = w.subscription_id AND e.meter_key = w.meter_key AND e.day = w.day AND e.unique_value = d.value
        AND NOT EXISTS (SELECT FROM usage.correction c WHERE c.org_id = $1 AND c.source = e.source AND c.event_id = e.event_id))

-- name: mark_late
-- A mark that stands is written again, so that a bill that takes it waits for the use that it marks.
INSERT INTO usage.late AS l (org_id, subscription_id, meter_key, day, recorded_on)
SELECT $1, u.subscription_id, u.meter_key, u.day, $5
  FROM unnest($2::text[], $3::text[], $4::date[]) u(subscription_id, meter_key, day) ORDER BY 2, 3, 4
ON CONFLICT (org_id, subscription_id, meter_key, day) DO UPDATE SET recorded_on = least(l.recorded_on, excluded.recorded_on)

-- name: take_late
DELETE FROM usage.late WHERE org_id = $1 AND subscription_id = ANY ($2::text[]) RETURNING subscription_id, meter_key, day, recorded_on

-- name: make_month
SELECT usage.make_month($1::date)

-- name: days
SELECT day, events, total, highest, latest FROM usage.rollup
 WHERE org_id = $1 AND subscription_id = $2 AND meter_key = $3 AND day >= $4 AND day < $5 ORDER BY day

-- name: put_alerts
INSERT INTO usage.alert (org_id, subscription_id, feature, period_start, percent, quota, reached_at)
SELECT $1, u.subscription_id, u.feature, u.period_start, u.percent, u.quota, $7
  FROM unnest($2::text[], $3::text[], $4::date[], $5::int[], $6::bigint[]) u(subscription_id, feature, period_start, percent, quota)
 ORDER BY 2, 3, 4, 5, 6
ON CONFLICT DO NOTHING
RETURNING subscription_id, feature, percent
