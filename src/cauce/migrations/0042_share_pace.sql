-- The line in which all processes that call a provider take their places. Not logged: after a crash it is empty, as it was meant.
CREATE UNLOGGED TABLE channels.line (
  org_id      bigint NOT NULL,
  channel_id  text COLLATE "C" NOT NULL,
  next_micros bigint NOT NULL,                  -- the first place that is free, in microseconds of the database's clock
  PRIMARY KEY (org_id, channel_id)
);
SELECT storage.isolate('channels.line');
