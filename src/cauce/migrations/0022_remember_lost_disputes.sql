-- A dispute that was lost is told from one that is open: a plan may treat them differently (T44).
ALTER TABLE payments.payment ADD COLUMN dispute_lost boolean NOT NULL DEFAULT false;
CREATE INDEX payment_disputed ON payments.payment (org_id, invoice_id) WHERE disputed;
