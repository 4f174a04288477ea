-- Deliveries that were not genuine, or could not be understood (M2, S5): counted, and told once an hour.
ALTER TABLE channels.channel
  ADD COLUMN notices_refused bigint NOT NULL DEFAULT 0,
  ADD COLUMN notice_refused_at timestamptz;
