-- Figures that grow with what happens: what each day added to every measure, per currency. Written by the statements
-- that change the objects themselves, in the same transaction, a few rows a statement; so a figure is never behind, and
-- reading one costs days, not invoices. Days are those of UTC. `of_day` is a second date where a measure has one: the
-- last day on which an outstanding invoice is payable.

CREATE SCHEMA reports;
GRANT USAGE ON SCHEMA reports TO cauce_app;

-- What is new since the last folding: appended only, so that two transactions never wait for each other.
CREATE TABLE reports.change (
  org_id       bigint NOT NULL,
  id           bigint GENERATED ALWAYS AS IDENTITY,
  measure      text COLLATE "C" NOT NULL,
  currency     text COLLATE "C" NOT NULL,
  day          date NOT NULL,
  of_day       date NOT NULL,
  amount_minor bigint NOT NULL,
  count        bigint NOT NULL,
  PRIMARY KEY (org_id, id)
);
SELECT storage.isolate('reports.change', 'SELECT, INSERT, DELETE');

-- The same, folded: one row a measure and day.
CREATE TABLE reports.daily (
  org_id       bigint NOT NULL,
  measure      text COLLATE "C" NOT NULL,
  currency     text COLLATE "C" NOT NULL,
  day          date NOT NULL,
  of_day       date NOT NULL,
  amount_minor bigint NOT NULL,
  count        bigint NOT NULL,
  PRIMARY KEY (org_id, measure, currency, day, of_day)
) WITH (fillfactor = 80);
SELECT storage.isolate('reports.daily', 'SELECT, INSERT, UPDATE');
SELECT storage.schedule('reports.change', 'org_id, id');

-- The organization's day.
CREATE FUNCTION reports.today(p_org bigint) RETURNS date LANGUAGE sql VOLATILE AS $$
  SELECT (directory.now_at(clock_frozen_at, clock_offset_seconds) AT TIME ZONE 'UTC')::date FROM directory.org WHERE id = p_org
$$;

-- Move at most `p_rows` changes into their days; how many.
CREATE FUNCTION reports.fold(p_org bigint, p_rows int) RETURNS bigint LANGUAGE sql AS $$
  WITH taken AS (
    DELETE FROM reports.change c USING (
      SELECT id FROM reports.change WHERE org_id = p_org ORDER BY id LIMIT p_rows) x
     WHERE c.org_id = p_org AND c.id = x.id
    RETURNING c.measure, c.currency, c.day, c.of_day, c.amount_minor, c.count
  ), folded AS (
    INSERT INTO reports.daily AS d (org_id, measure, currency, day, of_day, amount_minor, count)
    SELECT p_org, t.measure, t.currency, t.day, t.of_day, sum(t.amount_minor)::bigint, sum(t.count)::bigint FROM taken t GROUP BY 2, 3, 4, 5 ORDER BY 2, 3, 4, 5
    ON CONFLICT (org_id, measure, currency, day, of_day) DO UPDATE SET amount_minor = d.amount_minor + excluded.amount_minor, count = d.count + excluded.count
  )
  SELECT count(*) FROM taken
$$;

-- Steps of subscriptions: movements of recurring revenue, how many there are in each state, trials and what became of them.
CREATE FUNCTION reports.tell_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT f.org_id, m.measure, f.currency, (f.at AT TIME ZONE 'UTC')::date, (f.at AT TIME ZONE 'UTC')::date, sum(m.amount)::bigint, sum(m.count)::bigint
    FROM fresh f CROSS JOIN LATERAL (
      SELECT 'mrr.' || CASE WHEN f.mrr_before_minor = 0 AND f.trigger IN ('reactivate', 'resume', 'convert') THEN 'reactivation'
                            WHEN f.mrr_before_minor = 0 THEN 'new' WHEN f.mrr_after_minor = 0 THEN 'churn'
                            WHEN f.mrr_after_minor > f.mrr_before_minor THEN 'expansion' ELSE 'contraction' END AS measure,
             f.mrr_after_minor - f.mrr_before_minor AS amount, 1 AS count WHERE f.mrr_before_minor <> f.mrr_after_minor
      UNION ALL SELECT 'state.' || f.target, 0, 1 WHERE f.source <> f.target
      UNION ALL SELECT 'state.' || f.source, 0, -1 WHERE f.source <> f.target AND f.source <> '-'
      UNION ALL SELECT 'trial.started', 0, 1 WHERE f.target = 'trialing' AND f.source <> 'trialing'
      UNION ALL SELECT 'trial.converted', 0, 1 WHERE f.source = 'trialing' AND f.target IN ('active', 'past_due', 'incomplete') OR f.trigger = 'convert' AND f.target = 'active'
      UNION ALL SELECT 'trial.lost', 0, 1 WHERE f.source = 'trialing' AND f.target IN ('canceled', 'expired', 'paused')
      UNION ALL SELECT 'trial.lost', 0, -1 WHERE f.trigger = 'convert' AND f.target = 'active') m
   GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;
CREATE TRIGGER figures AFTER INSERT ON subscriptions.history REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_steps();

CREATE FUNCTION reports.tell_invoices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT f.org_id, m.measure, f.currency, (f.finalized_at AT TIME ZONE 'UTC')::date, m.of_day, sum(m.amount)::bigint, count(*)
    FROM fresh f CROSS JOIN LATERAL (
      SELECT 'invoiced' AS measure, f.total_minor AS amount, (f.finalized_at AT TIME ZONE 'UTC')::date AS of_day
      UNION ALL SELECT 'outstanding', f.total_minor - f.credit_minor - f.paid_minor - f.credited_minor - f.lost_minor, coalesce(f.payable_on, f.issued_on)
       WHERE f.status = 'open') m
   WHERE f.finalized_at IS NOT NULL
   GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;
CREATE TRIGGER figures AFTER INSERT ON invoicing.invoice REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_invoices();

CREATE FUNCTION reports.tell_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT c.org_id, m.measure, c.currency, c.day, m.of_day, sum(m.amount)::bigint, sum(m.count)::bigint
    FROM (
      SELECT a.org_id, a.currency, coalesce(a.payable_on, a.issued_on, reports.today(a.org_id)) AS of_day,
             CASE a.status WHEN 'paid' THEN (a.paid_at AT TIME ZONE 'UTC')::date
               WHEN 'void' THEN (a.closed_at AT TIME ZONE 'UTC')::date WHEN 'uncollectible' THEN (a.closed_at AT TIME ZONE 'UTC')::date
               ELSE reports.today(a.org_id) END AS day,
             CASE WHEN b.status = 'open' THEN b.total_minor - b.credit_minor - b.paid_minor - b.credited_minor - b.lost_minor ELSE 0 END AS left_before,
             CASE WHEN a.status = 'open' THEN a.total_minor - a.credit_minor - a.paid_minor - a.credited_minor - a.lost_minor ELSE 0 END AS left_after,
             (a.status = 'open')::int - (b.status = 'open')::int AS opened, a.lost_minor - b.lost_minor AS lost,
             CASE WHEN b.finalized_at IS NULL AND a.finalized_at IS NOT NULL THEN a.total_minor END AS invoiced
        FROM before b JOIN after a ON a.org_id = b.org_id AND a.id = b.id
       WHERE (a.status, a.paid_minor, a.credit_minor, a.credited_minor, a.lost_minor, a.payable_on)
             IS DISTINCT FROM (b.status, b.paid_minor, b.credit_minor, b.credited_minor, b.lost_minor, b.payable_on)) c
   CROSS JOIN LATERAL (
     SELECT 'outstanding' AS measure, c.left_after - c.left_before AS amount, c.opened AS count, c.of_day WHERE c.left_after <> c.left_before OR c.opened <> 0
     UNION ALL SELECT 'lost', c.lost, 1, c.day WHERE c.lost <> 0
     UNION ALL SELECT 'invoiced', c.invoiced, 1, c.day WHERE c.invoiced IS NOT NULL) m
   GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;
CREATE TRIGGER figures_settled AFTER UPDATE ON invoicing.invoice REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_settled();

CREATE FUNCTION reports.tell_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT f.org_id, m.measure, f.currency, (f.paid_at AT TIME ZONE 'UTC')::date, (f.paid_at AT TIME ZONE 'UTC')::date, sum(m.amount)::bigint, count(*)
    FROM fresh f CROSS JOIN LATERAL (
      SELECT 'collected' AS measure, f.amount_minor AS amount UNION ALL SELECT 'fee', f.fee_minor WHERE f.fee_minor <> 0
      UNION ALL SELECT 'refunded', f.refunded_minor WHERE f.refunded_minor <> 0) m
   GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;
CREATE TRIGGER figures AFTER INSERT ON payments.payment REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_payments();

CREATE FUNCTION reports.tell_returned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT a.org_id, m.measure, a.currency, reports.today(a.org_id), reports.today(a.org_id), sum(m.amount)::bigint, count(*)
    FROM before b JOIN after a ON a.org_id = b.org_id AND a.id = b.id
   CROSS JOIN LATERAL (
     SELECT 'refunded' AS measure, a.refunded_minor - b.refunded_minor AS amount WHERE a.refunded_minor <> b.refunded_minor
     UNION ALL SELECT 'fee', a.fee_minor - b.fee_minor WHERE a.fee_minor <> b.fee_minor) m
   GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;
CREATE TRIGGER figures_returned AFTER UPDATE ON payments.payment REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_returned();

CREATE FUNCTION reports.tell_recovered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT a.org_id, 'recovered', a.currency, x.day, x.day, sum(a.recovered_minor - b.recovered_minor)::bigint, count(*)
    FROM before b JOIN after a ON a.org_id = b.org_id AND a.id = b.id
   CROSS JOIN LATERAL (SELECT coalesce((a.ended_at AT TIME ZONE 'UTC')::date, reports.today(a.org_id)) AS day) x
   WHERE a.recovered_minor <> b.recovered_minor GROUP BY a.org_id, a.currency, x.day;
  RETURN NULL;
END $$;
CREATE TRIGGER figures AFTER UPDATE ON payments.dunning_case REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_recovered();

CREATE FUNCTION reports.tell_credited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT f.org_id, 'credited', f.currency, x.day, x.day, sum(f.total_minor)::bigint, count(*)
    FROM fresh f CROSS JOIN LATERAL (SELECT (f.issued_at AT TIME ZONE 'UTC')::date AS day) x GROUP BY f.org_id, f.currency, x.day;
  RETURN NULL;
END $$;
CREATE TRIGGER figures AFTER INSERT ON invoicing.credit_note REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_credited();

-- What happened before there were figures. What was paid in parts counts as outstanding less those parts from the day of issue.
INSERT INTO reports.daily (org_id, measure, currency, day, of_day, amount_minor, count)
SELECT m.org_id, m.measure, m.currency, m.day, m.of_day, sum(m.amount)::bigint, sum(m.count)::bigint FROM (
  SELECT h.org_id, 'mrr.' || CASE WHEN h.mrr_before_minor = 0 AND h.trigger IN ('reactivate', 'resume', 'convert') THEN 'reactivation'
           WHEN h.mrr_before_minor = 0 THEN 'new' WHEN h.mrr_after_minor = 0 THEN 'churn'
           WHEN h.mrr_after_minor > h.mrr_before_minor THEN 'expansion' ELSE 'contraction' END AS measure, h.currency,
         (h.at AT TIME ZONE 'UTC')::date AS day, (h.at AT TIME ZONE 'UTC')::date AS of_day, h.mrr_after_minor - h.mrr_before_minor AS amount, 1 AS count
    FROM subscriptions.history h WHERE h.mrr_before_minor <> h.mrr_after_minor
  UNION ALL SELECT h.org_id, x.measure, h.currency, (h.at AT TIME ZONE 'UTC')::date, (h.at AT TIME ZONE 'UTC')::date, 0, x.count
    FROM subscriptions.history h CROSS JOIN LATERAL (
      SELECT 'state.' || h.target AS measure, 1 AS count WHERE h.source <> h.target
      UNION ALL SELECT 'state.' || h.source, -1 WHERE h.source <> h.target AND h.source <> '-'
      UNION ALL SELECT 'trial.started', 1 WHERE h.target = 'trialing' AND h.source <> 'trialing'
      UNION ALL SELECT 'trial.converted', 1 WHERE h.source = 'trialing' AND h.target IN ('active', 'past_due', 'incomplete') OR h.trigger = 'convert' AND h.target = 'active'
      UNION ALL SELECT 'trial.lost', 1 WHERE h.source = 'trialing' AND h.target IN ('canceled', 'expired', 'paused')
      UNION ALL SELECT 'trial.lost', -1 WHERE h.trigger = 'convert' AND h.target = 'active') x
  UNION ALL SELECT i.org_id, 'invoiced', i.currency, (i.finalized_at AT TIME ZONE 'UTC')::date, (i.finalized_at AT TIME ZONE 'UTC')::date, i.total_minor, 1
    FROM invoicing.invoice i WHERE i.finalized_at IS NOT NULL
  UNION ALL SELECT i.org_id, 'outstanding', i.currency, (i.finalized_at AT TIME ZONE 'UTC')::date, coalesce(i.payable_on, i.issued_on),
         i.total_minor - i.credit_minor - i.paid_minor - i.credited_minor - i.lost_minor, 1
    FROM invoicing.invoice i WHERE i.status = 'open' AND i.finalized_at IS NOT NULL
  UNION ALL SELECT p.org_id, x.measure, p.currency, (p.paid_at AT TIME ZONE 'UTC')::date, (p.paid_at AT TIME ZONE 'UTC')::date, x.amount, 1
    FROM payments.payment p CROSS JOIN LATERAL (
      SELECT 'collected' AS measure, p.amount_minor AS amount UNION ALL SELECT 'fee', p.fee_minor WHERE p.fee_minor <> 0
      UNION ALL SELECT 'refunded', p.refunded_minor WHERE p.refunded_minor <> 0) x) m
 GROUP BY 1, 2, 3, 4, 5;
