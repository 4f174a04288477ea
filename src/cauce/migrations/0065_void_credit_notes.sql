-- A credit note whose effect can be taken back exactly may be voided: it keeps its number and counts no more.
ALTER TABLE invoicing.credit_note ADD COLUMN voided_at timestamptz;
ALTER TABLE invoicing.credit_note ADD COLUMN void_reason text NOT NULL DEFAULT '';

CREATE FUNCTION reports.tell_uncredited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO reports.change (org_id, measure, currency, day, of_day, amount_minor, count)
  SELECT a.org_id, 'credited', a.currency, x.day, x.day, -sum(a.total_minor)::bigint, -count(*)
    FROM before b JOIN after a ON a.org_id = b.org_id AND a.id = b.id
   CROSS JOIN LATERAL (SELECT (a.voided_at AT TIME ZONE 'UTC')::date AS day) x
   WHERE b.voided_at IS NULL AND a.voided_at IS NOT NULL GROUP BY a.org_id, a.currency, x.day;
  RETURN NULL;
END $$;
CREATE TRIGGER figures_voided AFTER UPDATE ON invoicing.credit_note REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION reports.tell_uncredited();
GRANT UPDATE (voided_at, void_reason) ON invoicing.credit_note TO cauce_app;
