-- A charge that its customer is asked about: whether it gets an invoice of its own once approved, and his no.
ALTER TABLE invoicing.pending_line
  ADD COLUMN invoice_now boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT pending_line_state_check,
  ADD CONSTRAINT pending_line_state_check CHECK (state IN ('proposed', 'waiting', 'invoiced', 'removed', 'rejected'));
CREATE INDEX pending_line_proposed ON invoicing.pending_line (org_id, customer_id) WHERE state = 'proposed';
