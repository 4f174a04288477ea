-- name: put_meter
INSERT INTO usage.meter (org_id, key, name, aggregation, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (org_id, key) DO NOTHING

-- name: meters
SELECT key, name, aggregation, created_at, archived_at FROM usage.meter WHERE org_id = $1 ORDER BY key

-- name: record
-- One statement: events that are new (each counts once, whoever sends it again), and what they add to their days.
WITH fresh AS (
  INSERT INTO usage.event (org_id, source, event_id, meter_key, customer_id, subscription_id, value, unique_value, occurred_at, day, recorded_at)
  SELECT $1, u.source, u.event_id, u.meter_key, u.customer_id, u.subscription_id, u.value, u.unique_value, u.occurred_at, u.day, $11
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::numeric[], $8::text[], $9::timestamptz[], $10::date[])
         u(source, event_id, meter_key, customer_id, subscription_id, value, unique_value, occurred_at, day)
   ORDER BY u.source, u.event_id
  ON CONFLICT (org_id, source, event_id) DO NOTHING
  RETURNING meter_key, subscription_id, value, unique_value, occurred_at, day
), days AS (
  INSERT INTO usage.rollup AS r (org_id, subscription_id, meter_key, day, events, total, highest, latest, latest_at)
  SELECT $1, f.subscription_id, f.meter_key, f.day, count(*), sum(f.value), max(f.value),
         (array_agg(f.value ORDER BY f.occurred_at DESC))[1], max(f.occurred_at)
    FROM fresh f WHERE f.subscription_id IS NOT NULL GROUP BY f.subscription_id, f.meter_key, f.day ORDER BY 2, 3, 4
  ON CONFLICT (org_id, subscription_id, meter_key, day) DO UPDATE
     SET events = r.events + excluded.events, total = r.total + excluded.total, highest = greatest(r.highest, excluded.highest),
         latest = CASE WHEN excluded.latest_at >= r.latest_at THEN excluded.latest ELSE r.latest END,
         latest_at = greatest(r.latest_at, excluded.latest_at)
  RETURNING 1
), seen AS (
  INSERT INTO usage.distinct_value (org_id, subscription_id, meter_key, day, value)
  SELECT DISTINCT $1::bigint, f.subscription_id, f.meter_key, f.day, f.unique_value
    FROM fresh f WHERE f.subscription_id IS NOT NULL AND f.unique_value <> ''
  ON CONFLICT DO NOTHING
  RETURNING 1
)
SELECT count(*) FROM fresh

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
