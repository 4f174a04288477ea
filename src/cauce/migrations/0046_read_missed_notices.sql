-- How far a provider's own list of what it told us has been read (M2): after an outage, and regularly to be sure.
CREATE TABLE channels.listing (
  org_id     bigint NOT NULL,
  channel_id text COLLATE "C" NOT NULL,
  read_to    timestamptz NOT NULL,                    -- what happened before is read
  read_at    timestamptz,                             -- when the list was read last
  due_at     timestamptz,                             -- when it is read next; NULL: only by hand
  missed     bigint NOT NULL DEFAULT 0,               -- notices that only the list brought
  missed_at  timestamptz,
  lost_from  timestamptz,                             -- what happened between is off the list: too long ago
  lost_to    timestamptz,
  CHECK ((lost_from IS NULL) = (lost_to IS NULL) AND lost_from < lost_to),
  PRIMARY KEY (org_id, channel_id),
  FOREIGN KEY (org_id, channel_id) REFERENCES channels.channel (org_id, id)
);
CREATE INDEX listing_due ON channels.listing (due_at, org_id) WHERE due_at IS NOT NULL;
INSERT INTO channels.listing (org_id, channel_id, read_to, due_at)
SELECT c.org_id, c.id, c.created_at, clock_timestamp()
  FROM channels.channel c JOIN directory.org o ON o.id = c.org_id WHERE o.mode = 'live';
SELECT storage.isolate('channels.listing');
SELECT storage.schedule('channels.listing');
ALTER TABLE channels.channel ADD COLUMN last_notice_at timestamptz;
