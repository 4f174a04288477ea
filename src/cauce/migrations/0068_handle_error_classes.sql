-- What a provider puts off is tried eight times under its key and then waits for a person; what its contract or set-up
-- forbids stops the calls of the merchant concerned, or of the channel, until an operator lets them go on.
ALTER TABLE channels.instruction
  ADD COLUMN tries smallint NOT NULL DEFAULT 0,
  ADD COLUMN needs_person_since timestamptz,
  DROP CONSTRAINT instruction_access,
  ADD CONSTRAINT instruction_access CHECK (access IN ('', 'key', 'signature', 'answer', 'config'));
CREATE INDEX instruction_needs_person ON channels.instruction (org_id, needs_person_since) WHERE needs_person_since IS NOT NULL;

CREATE TABLE channels.stop (
  org_id bigint NOT NULL,
  channel_id text COLLATE "C" NOT NULL,
  merchant_ref text NOT NULL,  -- '' the whole channel
  instruction_key text COLLATE "C" NOT NULL,
  code text NOT NULL,
  message text NOT NULL,
  stopped_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, channel_id, merchant_ref),
  FOREIGN KEY (org_id, channel_id) REFERENCES channels.channel (org_id, id)
);
ALTER TABLE channels.stop ENABLE ROW LEVEL SECURITY;
ALTER TABLE channels.stop FORCE ROW LEVEL SECURITY;
CREATE POLICY org_isolation ON channels.stop TO cauce_app, cauce_ledger
  USING (org_id = ANY ((SELECT storage.orgs())::bigint[])) WITH CHECK (org_id = ANY ((SELECT storage.orgs())::bigint[]));
GRANT SELECT, INSERT, DELETE ON channels.stop TO cauce_app;
