-- Use of days before this one is billed already: a pause or an end bills the use of its own day at once.
ALTER TABLE subscriptions.subscription ADD COLUMN usage_from date;
