-- Outgoing webhooks: where to, and every delivery with its attempts.

CREATE SCHEMA webhooks;
GRANT USAGE ON SCHEMA webhooks TO cauce_app, cauce_scheduler;

CREATE TABLE webhooks.endpoint (
  org_id       bigint NOT NULL,
  id           text COLLATE "C" NOT NULL,
  url          text NOT NULL,
  event_types  text[] NOT NULL DEFAULT '{}',   -- empty: every type
  state        text NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'disabled')),
  failing_since timestamptz,                   -- org time of the first failure in an unbroken row
  created_at   timestamptz NOT NULL,
  PRIMARY KEY (org_id, id)
);
SELECT storage.isolate('webhooks.endpoint');

CREATE TABLE webhooks.delivery (
  org_id       bigint NOT NULL,
  id           text COLLATE "C" NOT NULL,
  endpoint_id  text COLLATE "C" NOT NULL,
  event_id     bigint NOT NULL,
  state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
  attempts     smallint NOT NULL DEFAULT 0,
  last_status  integer,
  last_answer  text NOT NULL DEFAULT '',       -- its first bytes, or why there was none
  created_at   timestamptz NOT NULL,
  delivered_at timestamptz,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, endpoint_id) REFERENCES webhooks.endpoint (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX delivery_once ON webhooks.delivery (org_id, endpoint_id, event_id);
CREATE INDEX delivery_recent ON webhooks.delivery (org_id, endpoint_id, id);
SELECT storage.isolate('webhooks.delivery');
