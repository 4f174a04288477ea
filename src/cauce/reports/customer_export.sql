-- name: members
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, external_id, email, name, role, state, invited_at, expires_at, joined_at, removed_at
    FROM customers.member WHERE org_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4) x

-- name: subscriptions
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT s.id, s.plan_id, p.key AS plan, s.product_id, s.status, s.currency, s.timezone, s.interval_unit, s.interval_count, s.period_start, s.period_end,
         s.collection, s.net_days, s.method_id, s.trial_start, s.trial_end, s.cancel_at_period_end, s.cancellation, s.cancel_reason, s.pause_reason,
         s.paused_on, s.resume_at, s.mrr_minor, s.metadata, s.started_at, s.ended_at, s.created_at
    FROM subscriptions.subscription s LEFT JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id
   WHERE s.org_id = $1 AND s.customer_id = $2 AND s.id > $3 ORDER BY s.id LIMIT $4) x

-- name: subscription_items
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT i.id, i.subscription_id, i.price_id, i.quantity, i.options, i.adjust_minor, i.adjust_percent, i.removed_at, i.created_at
    FROM subscriptions.item i JOIN subscriptions.subscription s ON s.org_id = $1 AND s.id = i.subscription_id
   WHERE i.org_id = $1 AND s.customer_id = $2 AND i.id > $3 ORDER BY i.id LIMIT $4) x

-- name: subscription_changes
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT c.id, c.subscription_id, c.content, c.at_period_end, c.state, c.reason, c.created_at, c.settled_at
    FROM subscriptions.change c JOIN subscriptions.subscription s ON s.org_id = $1 AND s.id = c.subscription_id
   WHERE c.org_id = $1 AND s.customer_id = $2 AND c.id > $3 ORDER BY c.id LIMIT $4) x

-- name: subscription_history
SELECT x.id::text AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, subscription_id, at, trigger, source, target, currency, mrr_before_minor, mrr_after_minor, actor, reason
    FROM subscriptions.history WHERE org_id = $1 AND customer_id = $2 AND id > coalesce(nullif($3, '')::bigint, 0) ORDER BY id LIMIT $4) x

-- name: invoices
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT i.id, i.number, i.subscription_id, i.reason, i.status, i.currency, i.period_start, i.period_end, i.subtotal_minor, i.discount_minor, i.tax_minor,
         i.total_minor, i.credit_minor, i.paid_minor, i.credited_minor, i.lost_minor, i.collection, i.snapshot, i.issued_on, i.payable_on, i.finalized_at,
         i.paid_at, i.closed_at, i.disputed, i.created_at,
         (SELECT coalesce(jsonb_agg(jsonb_build_object('number', l.number, 'kind', l.kind, 'description', l.description, 'quantity', l.quantity,
                   'period_start', l.period_start, 'period_end', l.period_end, 'net_minor', l.net_minor, 'discount_minor', l.discount_minor,
                   'tax_percent', l.tax_percent, 'tax_minor', l.tax_minor, 'total_minor', l.total_minor) ORDER BY l.number), '[]')
            FROM invoicing.line l WHERE l.org_id = $1 AND l.invoice_id = i.id) AS lines
    FROM invoicing.invoice i WHERE i.org_id = $1 AND i.customer_id = $2 AND i.id > $3 ORDER BY i.id LIMIT $4) x

-- name: credit_notes
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, number, invoice_id, currency, reason, net_minor, tax_minor, total_minor, to_receivable_minor, to_credit_minor, to_refund_minor, to_granted_minor,
         lines, issued_at, voided_at, void_reason
    FROM invoicing.credit_note WHERE org_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4) x

-- name: credit_grants
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, wallet_id, subscription_id, plan, currency, amount_minor, left_minor, used_minor, lapsed_minor, lapse, period_start, period_end, granted_at,
         expires_at
    FROM customers.credit_grant WHERE org_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4) x

-- name: pending_lines
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, subscription_id, currency, kind, description, quantity, amount_minor, period_start, period_end, state, invoice_now, invoice_id, created_at
    FROM invoicing.pending_line WHERE org_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4) x

-- name: payment_methods
-- Masked: neither the provider's names of the method nor its fingerprint leave.
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, channel_id, kind, brand, last4, expires_on, is_default, usable, removed_at, created_at
    FROM payments.method WHERE org_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4) x

-- name: payments
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, invoice_id, channel_id, source, reference, currency, amount_minor, applied_minor, refunded_minor, disputed, dispute_lost, paid_at
    FROM payments.payment WHERE org_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4) x

-- name: payment_attempts
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, invoice_id, subscription_id, method_id, channel_id, currency, amount_minor, state, refusal, by_customer, created_at, concluded_at
    FROM payments.attempt WHERE org_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4) x

-- name: refunds
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, payment_id, credit_note_id, currency, amount_minor, reason, state, created_at, concluded_at
    FROM payments.refund WHERE org_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4) x

-- name: dunning_cases
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, subscription_id, state, tries, refusal, currency, recovered_minor, started_at, restricted, ended_at
    FROM payments.dunning_case WHERE org_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4) x

-- name: balances
-- What the ledger holds under his name, amounts on the account's own side.
SELECT x.code || ' ' || x.currency AS key, to_jsonb(x)::text AS content FROM (
  SELECT a.code, p.currency, (a.normal_side * a.balance_minor)::bigint AS balance_minor
    FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id
   WHERE a.org_id = $1 AND a.code LIKE 'customer:' || $2 || ':%' AND a.code || ' ' || p.currency > $3
   ORDER BY a.code || ' ' || p.currency LIMIT $4) x

-- name: usage
SELECT jsonb_build_array(x.subscription_id, x.meter, x.day, x.source, x.event_id)::text AS key, to_jsonb(x)::text AS content FROM (
  SELECT subscription_id, meter_key AS meter, day, source, event_id, value, unique_value, occurred_at, recorded_at
    FROM usage.event
   WHERE org_id = $1 AND subscription_id IN (SELECT id FROM subscriptions.subscription WHERE org_id = $1 AND customer_id = $2)
     AND ($3 = '' OR (subscription_id, meter_key, day, source, event_id) > (nullif($3, '')::jsonb ->> 0, nullif($3, '')::jsonb ->> 1,
          (nullif($3, '')::jsonb ->> 2)::date, nullif($3, '')::jsonb ->> 3, nullif($3, '')::jsonb ->> 4))
   ORDER BY subscription_id, meter_key, day, source, event_id LIMIT $4) x

-- name: access
SELECT x.subscription_id AS key, to_jsonb(x)::text AS content FROM (
  SELECT subscription_id, product_id, plan_id, level, features, limits, suspended, changed_at
    FROM entitlements.access WHERE org_id = $1 AND customer_id = $2 AND subscription_id > $3 ORDER BY subscription_id LIMIT $4) x

-- name: access_grants
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, product_id, feature, value, level, reason, actor, created_at, due_at AS ends_at, ended_at
    FROM entitlements.hand_grant WHERE org_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4) x

-- name: instances
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, subscription_id, state, runner, redirect_url, fields, ready_at, suspended_at, deleted_at, created_at
    FROM provisioning.instance WHERE org_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4) x

-- name: messages
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, campaign, step, category, template, channel, to_address, to_name, locale, subject, body_text, state, reason, created_at, settled_at
    FROM outreach.message WHERE org_id = $1 AND customer_id = $2 AND audience = 'customer' AND id > $3 ORDER BY id LIMIT $4) x

-- name: consents
SELECT x.category AS key, to_jsonb(x)::text AS content FROM (
  SELECT category, granted, source, changed_at
    FROM outreach.consent WHERE org_id = $1 AND customer_id = $2 AND category > $3 ORDER BY category LIMIT $4) x

-- name: help_desk_contacts
SELECT x.channel_id AS key, to_jsonb(x)::text AS content FROM (
  SELECT channel_id, ref, company_ref, tag, state
    FROM outreach.contact WHERE org_id = $1 AND customer_id = $2 AND channel_id > $3 ORDER BY channel_id LIMIT $4) x

-- name: product_events
SELECT jsonb_build_array(x.name, x.event_id)::text AS key, to_jsonb(x)::text AS content FROM (
  SELECT name, event_id, properties, occurred_at
    FROM outreach.product_event
   WHERE org_id = $1 AND customer_id = $2 AND ($3 = '' OR (name, event_id) > (nullif($3, '')::jsonb ->> 0, nullif($3, '')::jsonb ->> 1))
   ORDER BY name, event_id LIMIT $4) x

-- name: conversations
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, visitor_name, visitor_email, channel_id, state, opened_at, closed_at
    FROM conversations.conversation WHERE org_id = $1 AND customer_id = $2 AND customer_id <> '' AND id > $3 ORDER BY id LIMIT $4) x

-- name: conversation_messages
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, conversation_id, side, author, body, at
    FROM conversations.message WHERE org_id = $1 AND customer_id = $2 AND customer_id <> '' AND id > $3 ORDER BY id LIMIT $4) x

-- name: notes
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, author, body, created_at
    FROM relations.note WHERE org_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4) x

-- name: files
-- What a file is; its bytes are fetched one by one (`/v1/customers/{id}/files/{file}`).
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, name, bytes, sha256, added_by, added_at
    FROM relations.file WHERE org_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4) x

-- name: tags
SELECT x.tag AS key, to_jsonb(x)::text AS content FROM (
  SELECT tag, added_by, added_at
    FROM relations.tag WHERE org_id = $1 AND customer_id = $2 AND tag > $3 ORDER BY tag LIMIT $4) x

-- name: todos
SELECT x.id AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, title, owner, due_on, state, created_by, created_at, done_by, done_at
    FROM relations.todo WHERE org_id = $1 AND customer_id = $2 AND customer_id <> '' AND id > $3 ORDER BY id LIMIT $4) x

-- name: events
SELECT x.sort::text AS key, (to_jsonb(x) - 'sort')::text AS content FROM (
  SELECT id AS sort, public_id AS id, type, object_id, data, actor, occurred_at
    FROM storage.event WHERE org_id = $1 AND customer_id = $2 AND id > coalesce(nullif($3, '')::bigint, 0) ORDER BY id LIMIT $4) x

-- name: audit
-- What staff did with him and what is his; without the network addresses of staff.
SELECT x.id::text AS key, to_jsonb(x)::text AS content FROM (
  SELECT id, at, actor, action, object_id, refused, before, after
    FROM storage.audit
   WHERE org_id = $1 AND id > coalesce(nullif($3, '')::bigint, 0) AND object_id IN (
         SELECT $2
         UNION SELECT id FROM subscriptions.subscription WHERE org_id = $1 AND customer_id = $2
         UNION SELECT id FROM invoicing.invoice WHERE org_id = $1 AND customer_id = $2
         UNION SELECT id FROM payments.method WHERE org_id = $1 AND customer_id = $2
         UNION SELECT id FROM provisioning.instance WHERE org_id = $1 AND customer_id = $2
         UNION SELECT id FROM conversations.conversation WHERE org_id = $1 AND customer_id = $2 AND customer_id <> '')
   ORDER BY id LIMIT $4) x
