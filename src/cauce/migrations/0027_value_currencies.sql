-- What providers moved in another currency than the customer's (G14), and the rates by which the organization values it.
ALTER TABLE payments.payment
  ADD COLUMN settled_currency text COLLATE "C" NOT NULL DEFAULT '',  -- that of settled_minor and fee_minor; '': the payment's own
  ADD COLUMN settled_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE payments.refund
  ADD COLUMN settled_currency text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN settled_minor bigint NOT NULL DEFAULT 0;

-- One unit of `currency` is `rate` units of `base`, the organization's book currency, from `valid_on` on. Never changed.
CREATE TABLE ledger.book_rate (
  org_id      bigint NOT NULL,
  base        text COLLATE "C" NOT NULL,
  currency    text COLLATE "C" NOT NULL,
  valid_on    date NOT NULL,
  rate        numeric NOT NULL CHECK (rate > 0),
  source      text NOT NULL CHECK (source <> ''),
  recorded_by text NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, base, currency, valid_on),
  CONSTRAINT not_itself CHECK (currency <> base)
);
SELECT storage.isolate('ledger.book_rate', 'SELECT, INSERT');

-- A fee is a figure of the currency in which the provider took it.
CREATE OR REPLACE FUNCTION reports.tell_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT f.org_id, m.measure, m.currency, (f.paid_at AT TIME ZONE 'UTC')::date, (f.paid_at AT TIME ZONE 'UTC')::date, sum(m.amount)::bigint, count(*)
    FROM fresh f CROSS JOIN LATERAL (
      SELECT 'collected' AS measure, f.currency, f.amount_minor AS amount
      UNION ALL SELECT 'fee', coalesce(nullif(f.settled_currency, ''), f.currency), f.fee_minor WHERE f.fee_minor <> 0
      UNION ALL SELECT 'refunded', f.currency, f.refunded_minor WHERE f.refunded_minor <> 0) m
   GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION reports.tell_returned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT a.org_id, m.measure, m.currency, reports.today(a.org_id), reports.today(a.org_id), sum(m.amount)::bigint, count(*)
    FROM before b JOIN after a ON a.org_id = b.org_id AND a.id = b.id
   CROSS JOIN LATERAL (
     SELECT 'refunded' AS measure, a.currency, a.refunded_minor - b.refunded_minor AS amount WHERE a.refunded_minor <> b.refunded_minor
     UNION ALL SELECT 'fee', coalesce(nullif(a.settled_currency, ''), a.currency), a.fee_minor - b.fee_minor WHERE a.fee_minor <> b.fee_minor) m
   GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;
