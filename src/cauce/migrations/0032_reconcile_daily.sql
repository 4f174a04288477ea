-- Channels whose statements are fetched and compared once a day by themselves; without a row, or without due_at, nothing is.
CREATE TABLE reconciliation.daily (
  org_id     bigint NOT NULL,
  channel_id text COLLATE "C" NOT NULL,
  hour       smallint NOT NULL CHECK (hour BETWEEN 0 AND 23),   -- of the organization's day
  due_at     timestamptz,                                        -- the next time, org time; NULL: switched off
  PRIMARY KEY (org_id, channel_id)
);
CREATE INDEX daily_due ON reconciliation.daily (due_at, org_id) WHERE due_at IS NOT NULL;
SELECT storage.isolate('reconciliation.daily');
SELECT storage.schedule('reconciliation.daily');
