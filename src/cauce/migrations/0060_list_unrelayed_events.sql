-- What is to be relayed stands in a list of numbers. A mark in the event itself made a second version of the whole row and
-- of its entry in every index, which cost more than writing the event had.
CREATE TABLE storage.unrelayed (
  org_id   bigint NOT NULL,
  event_id bigint NOT NULL,
  PRIMARY KEY (org_id, event_id)
);
SELECT storage.isolate('storage.unrelayed', 'SELECT, INSERT, DELETE');
SELECT storage.schedule('storage.unrelayed', 'org_id, event_id');
ALTER TABLE storage.event NO FORCE ROW LEVEL SECURITY;
ALTER TABLE storage.unrelayed NO FORCE ROW LEVEL SECURITY;
INSERT INTO storage.unrelayed SELECT org_id, id FROM storage.event WHERE relayed_at IS NULL;
ALTER TABLE storage.unrelayed FORCE ROW LEVEL SECURITY;
ALTER TABLE storage.event FORCE ROW LEVEL SECURITY;
ALTER TABLE storage.event DROP COLUMN relayed_at;
REVOKE SELECT (org_id, id) ON storage.event FROM cauce_scheduler;
DROP POLICY scheduling ON storage.event;
