-- Moves of subscriptions to a plan's newest version (A7): beside the customer's own change, and never dropped for it.
ALTER TABLE subscriptions.change DROP CONSTRAINT change_state_check;
ALTER TABLE subscriptions.change ADD CONSTRAINT change_state_check
  CHECK (state IN ('scheduled', 'awaiting', 'migrating', 'applied', 'canceled', 'failed')) NOT VALID;
CREATE UNIQUE INDEX change_one_migration ON subscriptions.change (org_id, subscription_id) WHERE state = 'migrating';
CREATE INDEX change_migrations ON subscriptions.change (org_id, (content ->> 'plan_key'), id) WHERE content ? 'plan_key';
