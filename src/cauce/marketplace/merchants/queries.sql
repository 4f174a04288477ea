-- name: insert_merchants
INSERT INTO merchants.merchant (org_id, id, external_id, name, legal_form, trade_place, country, email, state, metadata, created_at)
SELECT $1, m.id, m.external_id, m.name, m.legal_form, m.trade_place, m.country, m.email, 'active', m.metadata, $10
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[])
       m(id, external_id, name, legal_form, trade_place, country, email, metadata)
ON CONFLICT (org_id, external_id) WHERE external_id <> '' DO NOTHING
RETURNING id

-- name: ids_by_external
SELECT external_id, id FROM merchants.merchant WHERE org_id = $1 AND external_id = ANY ($2::text[]) AND external_id <> ''

-- name: merchant
SELECT id, external_id, name, legal_form, trade_place, country, email, state, metadata, created_at
  FROM merchants.merchant WHERE org_id = $1 AND id = $2

-- name: lock_merchant
SELECT id, external_id, name, legal_form, trade_place, country, email, state, metadata, created_at
  FROM merchants.merchant WHERE org_id = $1 AND id = $2 FOR UPDATE

-- name: update_merchant
UPDATE merchants.merchant SET name = $3, legal_form = $4, trade_place = $5, country = $6, email = $7, metadata = $8
 WHERE org_id = $1 AND id = $2

-- name: close_accounts
-- From active or restricted by way of closing, which nothing holds up: the merchant has nothing open.
UPDATE merchants.account SET state = 'closed', pays_out = false
 WHERE org_id = $1 AND merchant_id = $2 AND state IN ('active', 'restricted', 'closing') RETURNING channel_id

-- name: set_merchant_state
UPDATE merchants.merchant SET state = $3 WHERE org_id = $1 AND id = $2

-- name: insert_accounts
INSERT INTO merchants.account (org_id, id, merchant_id, channel_id, ref, kind, state, shows_balance, agreement, agreed_at, created_at)
SELECT $1, a.id, a.merchant_id, a.channel_id, a.ref, a.kind, a.state, a.shows_balance, a.agreement,
       CASE WHEN a.agreement <> '' THEN $10::timestamptz END, $10
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[], $9::text[])
       a(id, merchant_id, channel_id, ref, kind, state, shows_balance, agreement)
ON CONFLICT (org_id, channel_id, merchant_id) WHERE state NOT IN ('closed', 'rejected') DO NOTHING
RETURNING id, merchant_id, channel_id

-- name: parties
SELECT a.merchant_id, a.id AS account_id, a.ref, a.kind, a.state, m.state AS merchant_state, a.shows_balance, a.pays_out, m.name,
       m.metadata || jsonb_build_object('legal_form', m.legal_form, 'trade_place', m.trade_place, 'country', m.country) AS facts
  FROM merchants.account a JOIN merchants.merchant m ON m.org_id = a.org_id AND m.id = a.merchant_id
 WHERE a.org_id = $1 AND a.channel_id = $2 AND a.merchant_id = ANY ($3::text[]) AND a.state NOT IN ('closed', 'rejected')

-- name: facts
SELECT id, metadata || jsonb_build_object('legal_form', legal_form, 'trade_place', trade_place, 'country', country) AS facts
  FROM merchants.merchant WHERE org_id = $1 AND id = ANY ($2::text[])

-- name: parties_by_ref
SELECT a.ref, a.merchant_id FROM merchants.account a
 WHERE a.org_id = $1 AND a.channel_id = $2 AND a.ref = ANY ($3::text[]) AND a.ref <> '' AND a.state NOT IN ('closed', 'rejected')

-- name: accounts_of
SELECT id, merchant_id, channel_id, ref, kind, state, needs, onboarding_url, pays_out, shows_balance, agreement, agreed_at
  FROM merchants.account WHERE org_id = $1 AND merchant_id = $2 ORDER BY created_at, id

-- name: account_by_ref
SELECT id FROM merchants.account WHERE org_id = $1 AND channel_id = $2 AND ref = $3 AND ref <> '' AND state NOT IN ('closed', 'rejected')

-- name: ask_account
-- Who asks later knows better: an answer counts only while its number is the last one given out.
UPDATE merchants.account SET asked = asked + 1 WHERE org_id = $1 AND id = $2 RETURNING asked

-- name: know_banks
UPDATE merchants.account SET bank_refs = $3 WHERE org_id = $1 AND id = $2

-- name: lock_accounts
SELECT id, merchant_id, channel_id, ref, kind, state, agreement, agreed_at, needs, pays_out, onboarding_url, asked, bank_refs, created_at FROM merchants.account
 WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR UPDATE

-- name: agree
-- The acquiring or split agreement of an account and when its merchant consented (K10).
UPDATE merchants.account SET agreement = $3, agreed_at = $4 WHERE org_id = $1 AND id = $2 AND agreed_at IS NULL

-- name: has_default
SELECT EXISTS (SELECT FROM merchants.instrument WHERE org_id = $1 AND merchant_id = $2 AND channel_id = $3 AND currency = $4
                  AND approved_by <> '') AS has_default

-- name: update_accounts
UPDATE merchants.account a
   SET state = u.state, ref = CASE WHEN u.ref = '' THEN a.ref ELSE u.ref END, needs = coalesce(string_to_array(nullif(u.needs, ''), ','), '{}'),
       onboarding_url = u.url, pays_out = u.pays_out
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[]) u(id, state, ref, needs, url, pays_out)
 WHERE a.org_id = $1 AND a.id = u.id

-- name: insert_instrument
INSERT INTO merchants.instrument (org_id, id, merchant_id, channel_id, ref, holder_name, last4, currency, state, requested_by, created_at,
                                  from_channel)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)

-- name: lock_instrument
SELECT id, merchant_id, channel_id, ref, holder_name, last4, currency, state, requested_by, approved_by, usable_from, from_channel
  FROM merchants.instrument WHERE org_id = $1 AND id = $2 FOR UPDATE

-- name: lock_instruments
SELECT id, merchant_id, state FROM merchants.instrument WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR UPDATE

-- name: set_instrument_states
UPDATE merchants.instrument i SET state = u.state FROM unnest($2::text[], $3::text[]) u(id, state) WHERE i.org_id = $1 AND i.id = u.id

-- name: update_instrument
UPDATE merchants.instrument SET state = $3, ref = $4, last4 = $5, approved_by = $6, usable_from = $7 WHERE org_id = $1 AND id = $2

-- name: replace_default
UPDATE merchants.instrument SET state = 'verified'
 WHERE org_id = $1 AND merchant_id = $2 AND channel_id = $3 AND currency = $4 AND state = 'default'

-- name: payout_targets
-- The default; where there is none but a bank account waits for its approval, that one: not usable before (K18).
SELECT DISTINCT ON (merchant_id) id AS instrument_id, merchant_id, ref, CASE WHEN state = 'default' THEN usable_from END AS usable_from
  FROM merchants.instrument
 WHERE org_id = $1 AND channel_id = $2 AND currency = $3 AND merchant_id = ANY ($4::text[])
   AND (state = 'default' OR from_channel AND state = 'verified')
 ORDER BY merchant_id, state = 'default' DESC, id DESC

-- name: instruments_of
SELECT id, channel_id, ref, holder_name, last4, currency, state, requested_by, approved_by, usable_from
  FROM merchants.instrument WHERE org_id = $1 AND merchant_id = $2 ORDER BY created_at, id
