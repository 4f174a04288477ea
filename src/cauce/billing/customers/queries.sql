-- name: upsert
-- Known external ids are updated; what was not told stays. `created` says which of the two happened.
INSERT INTO customers.customer AS c (org_id, id, external_id, email, name, locale, timezone, country, address, tax_ids, tax_treatment, metadata, created_at)
VALUES ($1, $2, $3, coalesce($4, ''), coalesce($5, ''), coalesce($6, 'en'), coalesce($7, 'UTC'), coalesce($8, ''),
        coalesce($9::jsonb, '{}'), coalesce($10::jsonb, '[]'), coalesce($11, 'standard'), coalesce($12::jsonb, '{}'), $13)
ON CONFLICT (org_id, external_id) DO UPDATE
   SET email = coalesce($4, c.email), name = coalesce($5, c.name), locale = coalesce($6, c.locale), timezone = coalesce($7, c.timezone),
       country = coalesce($8, c.country), address = coalesce($9::jsonb, c.address), tax_ids = coalesce($10::jsonb, c.tax_ids),
       tax_treatment = coalesce($11, c.tax_treatment), metadata = coalesce($12::jsonb, c.metadata), version = c.version + 1
RETURNING id, external_id, email, name, locale, timezone, country, address, tax_ids, tax_treatment, metadata, suspended_at, erased_at, version, created_at,
          (id = $2) AS created

-- name: by_id
SELECT id, external_id, email, name, locale, timezone, country, address, tax_ids, tax_treatment, metadata, suspended_at, erased_at, version, created_at
  FROM customers.customer WHERE org_id = $1 AND id = $2

-- name: by_external_id
SELECT id, external_id, email, name, locale, timezone, country, address, tax_ids, tax_treatment, metadata, suspended_at, erased_at, version, created_at
  FROM customers.customer WHERE org_id = $1 AND external_id = $2

-- name: lock
SELECT id, suspended_at IS NOT NULL AS suspended FROM customers.customer WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR NO KEY UPDATE

-- name: suspend
UPDATE customers.customer SET suspended_at = $3, version = version + 1 WHERE org_id = $1 AND id = $2

-- name: erase
UPDATE customers.customer SET external_id = 'erased:' || id, email = '', name = '', address = '{}', tax_ids = '[]', metadata = '{}',
       erased_at = $3, version = version + 1
 WHERE org_id = $1 AND id = $2

-- name: forget_tokens
DELETE FROM customers.token WHERE org_id = $1 AND customer_id = $2

-- name: put_tokens
INSERT INTO customers.token (org_id, token, customer_id) SELECT $1, t, $2 FROM unnest($3::text[]) t ON CONFLICT DO NOTHING

-- name: ids_by_email
-- An address may be of several customers. Found by its word, because policies hide an index on lower(email).
SELECT c.id FROM customers.token t JOIN customers.customer c ON c.org_id = $1 AND c.id = t.customer_id
 WHERE t.org_id = $1 AND t.token = $2 AND lower(c.email) = $2 AND c.erased_at IS NULL ORDER BY c.id LIMIT $3
