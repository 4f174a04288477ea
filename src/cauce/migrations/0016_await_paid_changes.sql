-- A change may wait for its payment (state `awaiting`, with its invoice), or for a date that a sweep looks for.

ALTER TABLE subscriptions.change ADD COLUMN invoice_id text COLLATE "C";
ALTER TABLE subscriptions.change DROP CONSTRAINT change_state_check;
ALTER TABLE subscriptions.change ADD CONSTRAINT change_state_check
  CHECK (state IN ('scheduled', 'awaiting', 'applied', 'canceled', 'failed'));
ALTER TABLE subscriptions.change ADD CONSTRAINT awaits_an_invoice CHECK (state <> 'awaiting' OR invoice_id IS NOT NULL);
CREATE UNIQUE INDEX change_one_awaiting ON subscriptions.change (org_id, subscription_id) WHERE state = 'awaiting';
CREATE INDEX change_invoice ON subscriptions.change (org_id, invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX change_org_due ON subscriptions.change (org_id, due_at, id) WHERE due_at IS NOT NULL;

-- A customer whom a provider deleted is made there again under another key.
ALTER TABLE payments.payer ADD COLUMN generation integer NOT NULL DEFAULT 0;
