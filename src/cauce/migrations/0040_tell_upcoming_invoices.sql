-- When the next invoice of a subscription is told before its renewal; nothing once it has been told for the period.
ALTER TABLE subscriptions.subscription ADD COLUMN upcoming_at timestamptz;
CREATE INDEX subscription_upcoming ON subscriptions.subscription (org_id, upcoming_at, id) WHERE upcoming_at IS NOT NULL;
GRANT SELECT (upcoming_at) ON subscriptions.subscription TO cauce_scheduler;
-- Periods that run already: 7 days before their end, 30 where a period is a year; those for which that is past are not told.
UPDATE subscriptions.subscription s
   SET upcoming_at = s.due_at - make_interval(days => CASE WHEN s.interval_unit = 'year' OR (s.interval_unit = 'month' AND s.interval_count >= 12) THEN 30 ELSE 7 END)
 WHERE s.due_kind = 'renew' AND s.due_at > now() + make_interval(days => CASE WHEN s.interval_unit = 'year' OR (s.interval_unit = 'month' AND s.interval_count >= 12) THEN 30 ELSE 7 END);
