-- A pause keeps when the next invoice is to be told: who comes back in the same period is told it once, not again.
DROP INDEX subscriptions.subscription_upcoming;
CREATE INDEX subscription_upcoming ON subscriptions.subscription (org_id, upcoming_at, id) WHERE upcoming_at IS NOT NULL AND due_kind = 'renew';
