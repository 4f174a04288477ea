-- Quotas that a meter counts (I5): which features of a subscription are limited, as its plan says, beside what it gives.
ALTER TABLE entitlements.access ADD COLUMN limits jsonb NOT NULL DEFAULT '{}';

-- Thresholds of a quota that were told, once per period. `percent` 100: the limit.
CREATE TABLE usage.alert (
  org_id          bigint NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  feature         text COLLATE "C" NOT NULL,
  period_start    date NOT NULL,
  percent         integer NOT NULL CHECK (percent > 0),
  quota           bigint NOT NULL,                         -- of a larger quota the same percent is told again
  reached_at      timestamptz NOT NULL,
  PRIMARY KEY (org_id, subscription_id, feature, period_start, percent, quota)
);
SELECT storage.isolate('usage.alert', 'SELECT, INSERT');
