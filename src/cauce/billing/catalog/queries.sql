-- name: insert_product
INSERT INTO catalog.product (org_id, id, key, name, description, metadata, category, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: update_product
UPDATE catalog.product SET name = $3, description = $4, metadata = $5, category = $6, archived_at = $7 WHERE org_id = $1 AND id = $2

-- name: product_by_key
SELECT id, key, name, description, category, metadata, archived_at FROM catalog.product WHERE org_id = $1 AND key = $2

-- name: products
SELECT id, key, name, description, category, metadata, archived_at FROM catalog.product
 WHERE org_id = $1 AND ($2 = '' OR category = $2) ORDER BY key

-- name: insert_plan
-- The next version of its key; what was hidden from hosted pages stays hidden.
INSERT INTO catalog.plan (org_id, id, key, version, product_id, name, trial_days, features, options, policy, content, metadata, from_file, created_at, state)
SELECT $1, $2, $3, coalesce(before.version, 0) + 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
       CASE before.state WHEN 'unpublished' THEN 'unpublished' ELSE 'published' END
  FROM (VALUES (1)) one
  LEFT JOIN LATERAL (SELECT p.version, p.state FROM catalog.plan p WHERE p.org_id = $1 AND p.key = $3
                      ORDER BY p.version DESC LIMIT 1) before ON true
RETURNING version

-- name: plans_by_id
SELECT id, key, version, product_id, name, state, trial_days, features, options, policy, content, metadata, from_file
  FROM catalog.plan WHERE org_id = $1 AND id = ANY ($2::text[])

-- name: latest_plan
SELECT id, key, version, product_id, name, state, trial_days, features, options, policy, content, metadata, from_file
  FROM catalog.plan WHERE org_id = $1 AND key = $2 ORDER BY version DESC LIMIT 1

-- name: latest_plans
SELECT DISTINCT ON (key) id, key, version, product_id, name, state, trial_days, features, options, policy, content, metadata, from_file
  FROM catalog.plan WHERE org_id = $1 ORDER BY key, version DESC

-- name: set_plan_metadata
UPDATE catalog.plan SET metadata = $3 WHERE org_id = $1 AND id = $2

-- name: set_plan_state
UPDATE catalog.plan SET state = $3 WHERE org_id = $1 AND id = $2

-- name: insert_prices
INSERT INTO catalog.price (org_id, id, key, plan_id, product_id, kind, role, currency, billing, interval_unit, interval_count,
                           model, meter_key, tax_category, tax_inclusive, nickname, phases, created_at)
SELECT $1, p.id, p.key, $2, $3, p.kind, p.role, p.currency, p.billing, p.interval_unit, p.interval_count,
       p.model, p.meter_key, p.tax_category, p.tax_inclusive, p.nickname, p.phases, $4
  FROM unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::int[], $13::jsonb[],
              $14::text[], $15::text[], $16::boolean[], $17::text[], $18::jsonb[])
       p(id, key, kind, role, currency, billing, interval_unit, interval_count, model, meter_key, tax_category, tax_inclusive, nickname, phases)

-- name: prices_by_id
SELECT r.id, r.key, r.plan_id, r.product_id, r.kind, r.role, r.currency, r.billing, r.interval_unit, r.interval_count, r.model, r.meter_key,
       r.tax_category, r.tax_inclusive, r.nickname, r.phases, p.policy->>'proration_basis' AS plan_basis
  FROM catalog.price r JOIN catalog.plan p ON p.org_id = r.org_id AND p.id = r.plan_id
 WHERE r.org_id = $1 AND r.id = ANY ($2::text[])

-- name: prices_of_plan
SELECT id FROM catalog.price WHERE org_id = $1 AND plan_id = $2 AND archived_at IS NULL ORDER BY created_at, id

-- name: sold_prices
SELECT plan_id, key, currency, model, kind, role, billing, interval_unit, interval_count, meter_key, tax_category,
       tax_inclusive, nickname, phases
  FROM catalog.price WHERE org_id = $1 AND plan_id = ANY ($2::text[]) AND archived_at IS NULL ORDER BY created_at, id

-- name: archive_price
UPDATE catalog.price SET archived_at = $3 WHERE org_id = $1 AND id = $2 AND archived_at IS NULL

-- name: insert_coupon
INSERT INTO catalog.coupon (org_id, id, code, name, percent, amount_minor, currency, duration, duration_periods, product_ids,
                            first_purchase, redemptions_max, expires_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)

-- name: lock_coupon
SELECT id, code, percent, amount_minor, currency, duration, duration_periods, product_ids, first_purchase, redemptions_max,
       redemptions, expires_at, archived_at
  FROM catalog.coupon WHERE org_id = $1 AND code = $2 FOR UPDATE

-- name: redeem_coupon
UPDATE catalog.coupon SET redemptions = redemptions + 1 WHERE org_id = $1 AND id = $2

-- name: coupons
SELECT id, code, name, percent, amount_minor, currency, duration, duration_periods, product_ids, first_purchase,
       redemptions_max, redemptions, expires_at, archived_at
  FROM catalog.coupon WHERE org_id = $1 ORDER BY code

-- name: update_coupon
-- What may change of a coupon: never what it takes off.
UPDATE catalog.coupon SET name = $3, redemptions_max = $4, expires_at = $5, archived_at = NULL WHERE org_id = $1 AND id = $2

-- name: archive_coupon
UPDATE catalog.coupon SET archived_at = $3 WHERE org_id = $1 AND code = $2 AND archived_at IS NULL

-- name: put_tax_rate
INSERT INTO catalog.tax_rate (org_id, country, category, percent, name) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (org_id, country, category) DO UPDATE SET percent = excluded.percent, name = excluded.name

-- name: tax_rates
SELECT country, category, percent, name FROM catalog.tax_rate WHERE org_id = $1 ORDER BY country, category
