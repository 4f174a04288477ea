-- What an answer says of our access is a column of its own, and a channel whose signatures fail is asked nothing until somebody has looked.
ALTER TABLE channels.instruction ADD COLUMN access text NOT NULL DEFAULT ''
  CONSTRAINT instruction_access CHECK (access IN ('', 'key', 'signature', 'answer'));
CREATE INDEX instruction_access_lacked ON channels.instruction (org_id, channel_id) WHERE access <> '';

UPDATE channels.instruction
   SET access = 'key', outcome = outcome || '{"access": "key"}'::jsonb
 WHERE state = 'unknown' AND outcome->>'reason' LIKE 'key refused: %';

ALTER TABLE channels.channel
  ADD COLUMN signatures_failed_at timestamptz[] NOT NULL DEFAULT '{}',  -- the last ones, of at most five minutes
  ADD COLUMN stopped_at timestamptz;
