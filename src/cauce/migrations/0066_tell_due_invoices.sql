-- When it is told that an open invoice with terms of payment will be due; nothing once it was told or is settled.
ALTER TABLE invoicing.invoice ADD COLUMN notice_at timestamptz;
CREATE INDEX invoice_notice ON invoicing.invoice (notice_at, org_id) WHERE notice_at IS NOT NULL;
CREATE INDEX invoice_org_notice ON invoicing.invoice (org_id, notice_at, id) WHERE notice_at IS NOT NULL;
GRANT SELECT (notice_at) ON invoicing.invoice TO cauce_scheduler;
