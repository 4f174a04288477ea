-- name: take_numbers
-- The row stays locked until the commit: a number is used or never was.
INSERT INTO invoicing.series AS s (org_id, key, prefix, last) VALUES ($1, $2, $3, $4)
ON CONFLICT (org_id, key) DO UPDATE SET last = s.last + $4
RETURNING s.last, s.prefix

-- name: insert_invoices
INSERT INTO invoicing.invoice (org_id, id, series, sequence, number, customer_id, subscription_id, term, reason, status, currency, period_start,
  period_end, subtotal_minor, discount_minor, tax_minor, total_minor, credit_minor, collection, snapshot, issued_on, payable_on, due_at,
  finalized_at, paid_at, created_at, granted_minor,
  notice_at)
SELECT $1, u.id, $2, u.sequence, u.number, u.customer_id, u.subscription_id, u.term, u.reason, u.status, u.currency, u.period_start, u.period_end,
       u.subtotal, u.discount, u.tax, u.total, u.credit, u.collection, u.snapshot::jsonb, u.issued_on, u.payable_on, u.due_at,
       u.at, CASE WHEN u.status = 'paid' THEN u.at END, u.at, u.granted, u.notice_at
  FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::int[], $9::text[], $10::text[], $11::text[], $12::date[], $13::date[],
              $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::text[], $20::text[], $21::date[], $22::date[],
              $23::timestamptz[], $24::timestamptz[], $25::bigint[], $26::timestamptz[])
       u(id, sequence, number, customer_id, subscription_id, term, reason, status, currency, period_start, period_end,
         subtotal, discount, tax, total, credit, collection, snapshot, issued_on, payable_on, due_at, at, granted, notice_at)

-- name: insert_lines
INSERT INTO invoicing.line (org_id, invoice_id, number, kind, description, subscription_id, item_id, price_id, product_id, quantity, period_start,
  period_end, starts_at, amount_minor, discount_minor, tax_percent, tax_inclusive, tax_minor, net_minor, total_minor, deferred, details)
SELECT $1, u.* FROM unnest($2::text[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::numeric[],
  $11::date[], $12::date[], $13::timestamptz[], $14::bigint[], $15::bigint[], $16::numeric[], $17::boolean[], $18::bigint[], $19::bigint[],
  $20::bigint[], $21::boolean[], $22::jsonb[]) u

-- name: invoices
SELECT id, number, customer_id, subscription_id, term, reason, status, currency, total_minor, credit_minor, granted_minor, paid_minor, credited_minor, lost_minor,
       tax_minor, collection, period_start, period_end, due_at, finalized_at, version, snapshot
  FROM invoicing.invoice WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id

-- name: lock_invoices
SELECT id, number, customer_id, subscription_id, term, reason, status, currency, total_minor, credit_minor, granted_minor, paid_minor, credited_minor, lost_minor,
       tax_minor, collection, period_start, period_end, due_at, finalized_at, version, snapshot
  FROM invoicing.invoice WHERE org_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR NO KEY UPDATE

-- name: lock_open_of
SELECT id, number, customer_id, subscription_id, term, reason, status, currency, total_minor, credit_minor, granted_minor, paid_minor, credited_minor, lost_minor,
       tax_minor, collection, period_start, period_end, due_at, finalized_at, version, snapshot
  FROM invoicing.invoice WHERE org_id = $1 AND subscription_id = ANY ($2::text[]) AND status = 'open' ORDER BY id FOR NO KEY UPDATE

-- name: open_of
SELECT id, subscription_id FROM invoicing.invoice WHERE org_id = $1 AND subscription_id = ANY ($2::text[]) AND status = 'open' ORDER BY id

-- name: save_amounts
UPDATE invoicing.invoice i
   SET status = u.status, notice_at = CASE WHEN u.status = 'open' THEN i.notice_at END, paid_minor = u.paid, credit_minor = u.credit, credited_minor = u.credited, lost_minor = u.lost, due_at = u.due_at,
       paid_at = CASE WHEN u.status = 'paid' THEN coalesce(i.paid_at, $9::timestamptz) END,
       closed_at = CASE WHEN u.status IN ('void', 'uncollectible') THEN coalesce(i.closed_at, $9::timestamptz) END, version = i.version + 1
  FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::timestamptz[])
       u(id, status, paid, credit, credited, lost, due_at)
 WHERE i.org_id = $1 AND i.id = u.id

-- name: set_due
UPDATE invoicing.invoice SET due_at = $3 WHERE org_id = $1 AND id = ANY ($2::text[])

-- name: lock_lines
SELECT number, kind, description, item_id, price_id, product_id, quantity, period_start, period_end, amount_minor, discount_minor, tax_percent,
       tax_inclusive, tax_minor, net_minor, total_minor, deferred, recognized_minor, credited_net_minor, credited_tax_minor
  FROM invoicing.line WHERE org_id = $1 AND invoice_id = $2 ORDER BY number FOR NO KEY UPDATE

-- name: credit_lines
UPDATE invoicing.line l SET credited_net_minor = l.credited_net_minor + u.net, credited_tax_minor = l.credited_tax_minor + u.tax,
       recognized_minor = l.recognized_minor - u.unrecognized
  FROM unnest($3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[]) u(number, net, tax, unrecognized)
 WHERE l.org_id = $1 AND l.invoice_id = $2 AND l.number = u.number

-- name: billed_of_items
-- What was billed in advance for items and days from $3 on, and not credited yet: the ceiling of a credit note. Its invoices
-- are locked: a note by hand of them at the same moment is seen, or waits.
SELECT l.item_id, l.invoice_id, l.number, l.period_start, l.period_end, l.starts_at, l.net_minor, l.tax_minor, l.amount_minor, l.discount_minor,
       l.credited_net_minor, l.credited_tax_minor, l.tax_percent, l.tax_inclusive
  FROM invoicing.line l JOIN invoicing.invoice i ON i.org_id = l.org_id AND i.id = l.invoice_id
 WHERE l.org_id = $1 AND l.item_id = ANY ($2::text[]) AND l.period_end > $3 AND l.kind IN ('recurring', 'proration')
   AND i.status IN ('open', 'paid') AND l.deferred AND l.rest_credited_at IS NULL
 ORDER BY l.item_id, l.invoice_id, l.number FOR NO KEY UPDATE OF i

-- name: mark_rest_credited
UPDATE invoicing.line l SET rest_credited_at = $4 FROM unnest($2::text[], $3::smallint[]) u(invoice_id, number)
 WHERE l.org_id = $1 AND l.invoice_id = u.invoice_id AND l.number = u.number

-- name: advances_of
-- What is billed and still to be paid of a subscription's invoices for days from $3 on.
SELECT i.id, i.total_minor - i.credit_minor - i.paid_minor - i.credited_minor - i.lost_minor AS due_minor
  FROM invoicing.invoice i
 WHERE i.org_id = $1 AND i.customer_id = $4 AND i.subscription_id = $2 AND i.status IN ('open', 'paid')
   AND EXISTS (SELECT 1 FROM invoicing.line l WHERE l.org_id = i.org_id AND l.invoice_id = i.id AND l.deferred AND l.period_end > $3)

-- name: advances_beside
-- What was billed in advance for the items of an invoice, on any invoice, and what changes give back of them, billed or not yet.
WITH mine AS (
  SELECT DISTINCT l.item_id FROM invoicing.line l
   WHERE l.org_id = $1 AND l.invoice_id = $2 AND l.item_id IS NOT NULL AND l.deferred AND l.kind IN ('recurring', 'proration'))
SELECT l.item_id, l.invoice_id, l.number, l.period_start, l.period_end, l.net_minor - l.credited_net_minor AS net_minor,
       l.tax_minor - l.credited_tax_minor AS tax_minor, NULL::boolean AS tax_inclusive
  FROM mine JOIN invoicing.line l ON l.org_id = $1 AND l.item_id = mine.item_id
  JOIN invoicing.invoice i ON i.org_id = l.org_id AND i.id = l.invoice_id
 WHERE l.kind IN ('recurring', 'proration') AND i.status IN ('open', 'paid') AND l.deferred
UNION ALL
SELECT p.item_id, '', 0::smallint, p.period_start, p.period_end, p.amount_minor, 0, p.tax_inclusive
  FROM mine JOIN invoicing.pending_line p ON p.org_id = $1 AND p.item_id = mine.item_id
 WHERE p.kind = 'proration' AND p.state IN ('waiting', 'proposed') AND p.amount_minor < 0
 ORDER BY item_id, period_start, invoice_id, number

-- name: cut_pending
-- What waits for the next invoice ends earlier; what has nothing left is billed no more.
UPDATE invoicing.pending_line p SET amount_minor = u.amount, period_end = u.period_end,
       state = CASE WHEN u.amount = 0 THEN 'removed' ELSE p.state END
  FROM unnest($2::text[], $3::bigint[], $4::date[]) u(id, amount, period_end)
 WHERE p.org_id = $1 AND p.id = u.id AND p.state = 'waiting'

-- name: waiting_of_items
-- Prorations of items that wait for the next invoice count like billed lines when the item changes again.
SELECT p.id, p.product_id, p.item_id, p.period_start, p.period_end, p.starts_at, p.amount_minor, 0::bigint AS discount_minor, p.amount_minor AS net_minor, 0::bigint AS credited_net_minor,
       p.net_of_percent
  FROM invoicing.pending_line p
 WHERE p.org_id = $1 AND p.item_id = ANY ($2::text[]) AND p.period_end > $3 AND p.kind = 'proration' AND p.state = 'waiting'
 ORDER BY p.item_id, p.id

-- name: billed_usage
-- What was billed for meters of subscriptions in periods that end after $3, or waits to be. `is_owed`: on an invoice that is
-- paid or to be paid. `percent_off_minor`, `percent_kept`: of a price with a commitment, what percentages took before it.
SELECT l.subscription_id, l.item_id, l.price_id, l.period_start, l.period_end, CASE l.kind WHEN 'usage' THEN l.quantity ELSE 0 END AS quantity,
       l.amount_minor, l.discount_minor, l.net_minor, l.credited_net_minor, i.status IN ('open', 'paid') AS is_owed,
       coalesce((l.details->'percent_off'->>'minor')::bigint, 0) AS percent_off_minor, l.details->'percent_off'->>'kept' AS percent_kept
  FROM invoicing.line l JOIN invoicing.invoice i ON i.org_id = l.org_id AND i.id = l.invoice_id
 WHERE l.org_id = $1 AND l.subscription_id = ANY ($2::text[]) AND l.kind IN ('usage', 'minimum') AND l.period_end > $3
UNION ALL
SELECT p.subscription_id, p.item_id, p.price_id, p.period_start, p.period_end, p.quantity, p.amount_minor, 0, p.amount_minor, 0, true,
       0, NULL
  FROM invoicing.pending_line p
 WHERE p.org_id = $1 AND p.subscription_id = ANY ($2::text[]) AND p.kind = 'usage' AND p.state = 'waiting' AND p.period_end > $3

-- name: insert_credit_note
INSERT INTO invoicing.credit_note (org_id, id, invoice_id, customer_id, series, sequence, number, currency, reason, net_minor, tax_minor, total_minor,
  to_receivable_minor, to_credit_minor, to_refund_minor, lines, issued_at, to_granted_minor)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)

-- name: lock_credit_note
SELECT id, invoice_id, customer_id, number, currency, total_minor, tax_minor, to_receivable_minor, to_credit_minor, to_refund_minor, to_granted_minor, lines,
       voided_at
  FROM invoicing.credit_note WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE

-- name: invoice_of_note
SELECT invoice_id FROM invoicing.credit_note WHERE org_id = $1 AND id = $2

-- name: void_credit_note
UPDATE invoicing.credit_note SET voided_at = $3, void_reason = $4 WHERE org_id = $1 AND id = $2

-- name: credit_notes_of
SELECT id, number, reason, net_minor, tax_minor, total_minor, to_receivable_minor, to_credit_minor, to_refund_minor, to_granted_minor,
       lines, issued_at
  FROM invoicing.credit_note WHERE org_id = $1 AND invoice_id = $2 AND voided_at IS NULL ORDER BY sequence

-- name: insert_pending
INSERT INTO invoicing.pending_line (org_id, id, customer_id, subscription_id, currency, kind, description, product_id, item_id, price_id, quantity,
  amount_minor, tax_category, tax_inclusive, period_start, period_end, state, invoice_now, starts_at, created_at, net_of_percent)
SELECT $1, u.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::numeric[],
  $12::bigint[], $13::text[], $14::boolean[], $15::date[], $16::date[], $17::text[], $18::boolean[], $19::timestamptz[],
  $20::timestamptz[], $21::boolean[]) u

-- name: invoice_pending
UPDATE invoicing.pending_line p SET state = 'invoiced', invoice_id = u.invoice_id FROM unnest($2::text[], $3::text[]) u(id, invoice_id)
 WHERE p.org_id = $1 AND p.id = u.id AND p.state = 'waiting'

-- name: find_pending
SELECT id, customer_id, subscription_id, currency, kind, description, product_id, item_id, price_id, quantity, amount_minor, tax_category, tax_inclusive,
       period_start, period_end, starts_at, net_of_percent, state, invoice_now, invoice_id, created_at
  FROM invoicing.pending_line WHERE org_id = $1 AND id = $2

-- name: set_pending
UPDATE invoicing.pending_line SET state = $4 WHERE org_id = $1 AND id = $2 AND state = ANY ($3::text[]) RETURNING state

-- name: due_recognition
-- Lines with revenue still to recognise whose service began before $2; locked in order.
SELECT l.invoice_id, l.number, l.product_id, l.period_start, l.period_end, l.net_minor - l.credited_net_minor AS net_minor,
       l.recognized_minor, i.currency
  FROM invoicing.line l JOIN invoicing.invoice i ON i.org_id = l.org_id AND i.id = l.invoice_id
 WHERE l.org_id = $1 AND l.deferred AND l.recognized_minor <> l.net_minor - l.credited_net_minor AND l.period_start < $2
   AND (l.invoice_id, l.number) > ($3, $4::smallint)
 ORDER BY l.invoice_id, l.number LIMIT $5 FOR NO KEY UPDATE OF l

-- name: recognize
UPDATE invoicing.line l SET recognized_minor = u.recognized
  FROM unnest($2::text[], $3::smallint[], $4::bigint[]) u(invoice_id, number, recognized)
 WHERE l.org_id = $1 AND l.invoice_id = u.invoice_id AND l.number = u.number

-- name: forget_notices
UPDATE invoicing.invoice SET notice_at = NULL WHERE org_id = $1 AND id = ANY ($2::text[])

-- name: mark_disputed
UPDATE invoicing.invoice SET disputed = $3 WHERE org_id = $1 AND id = $2
