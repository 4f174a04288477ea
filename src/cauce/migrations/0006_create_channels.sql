-- Channels: configured contracts with providers, what was asked of them, what they said.

CREATE SCHEMA channels;
GRANT USAGE ON SCHEMA channels TO cauce_app, cauce_scheduler, cauce_ledger;

CREATE TABLE channels.channel (
  org_id     bigint NOT NULL,
  id         text COLLATE "C" NOT NULL,
  provider   text COLLATE "C" NOT NULL,
  name       text NOT NULL,
  base_url   text NOT NULL DEFAULT '',          -- '': the provider's own address
  settings   jsonb NOT NULL DEFAULT '{}',       -- secrets are sealed rows owned by the channel's id
  state      text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'closed')),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id)
);
SELECT storage.isolate('channels.channel');

-- One row per operation asked of a provider, written before the first send. `key` is the provider's idempotency key
-- or merchant number; nothing is ever sent again under another key while the state is not final.
CREATE TABLE channels.instruction (
  org_id       bigint NOT NULL,
  key          text COLLATE "C" NOT NULL,
  channel_id   text COLLATE "C" NOT NULL,
  purpose      text COLLATE "C" NOT NULL,
  operation    text COLLATE "C" NOT NULL,
  object_id    text COLLATE "C" NOT NULL,
  request      jsonb NOT NULL,
  parent_key   text COLLATE "C" NOT NULL DEFAULT '',
  merchant_ref text NOT NULL DEFAULT '',
  state        text NOT NULL DEFAULT 'created' CHECK (state IN ('created', 'sent', 'pending', 'unknown', 'succeeded', 'declined')),
  ref          text NOT NULL DEFAULT '',        -- the provider's id, once known
  outcome      jsonb,
  sends        smallint NOT NULL DEFAULT 0,
  asks         integer NOT NULL DEFAULT 0,
  due_at       timestamptz,                     -- when to ask next (org time); NULL when final or not sent
  created_at   timestamptz NOT NULL,
  concluded_at timestamptz,
  PRIMARY KEY (org_id, key),
  CONSTRAINT final_is_concluded CHECK ((state IN ('succeeded', 'declined')) = (concluded_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX instruction_due ON channels.instruction (due_at, org_id) WHERE due_at IS NOT NULL;
CREATE INDEX instruction_org_due ON channels.instruction (org_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX instruction_object ON channels.instruction (org_id, object_id);
CREATE INDEX instruction_ref ON channels.instruction (org_id, channel_id, ref) WHERE ref <> '';
SELECT storage.isolate('channels.instruction', 'SELECT, INSERT, UPDATE');
SELECT storage.schedule('channels.instruction');

-- Raw exchanges, sealed; the columns that may be read are redacted.
CREATE TABLE channels.exchange (
  org_id      bigint NOT NULL,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  channel_id  text COLLATE "C" NOT NULL,
  operation   text COLLATE "C" NOT NULL,
  correlation text COLLATE "C" NOT NULL,
  method      text NOT NULL,
  url         text NOT NULL,
  status      integer,
  failure     text NOT NULL,
  elapsed_ms  integer NOT NULL,
  started_at  timestamptz NOT NULL,
  key_id      text NOT NULL,
  box         bytea NOT NULL,                   -- headers and bodies
  PRIMARY KEY (org_id, id)
);
CREATE INDEX exchange_correlation ON channels.exchange (org_id, correlation) WHERE correlation <> '';
SELECT storage.isolate('channels.exchange', 'SELECT, INSERT');

-- Verified notices, once each under the provider's own event id.
CREATE TABLE channels.notice (
  org_id       bigint NOT NULL,
  channel_id   text COLLATE "C" NOT NULL,
  event_id     text COLLATE "C" NOT NULL,
  kind         text COLLATE "C" NOT NULL,
  key          text COLLATE "C" NOT NULL,
  content      jsonb NOT NULL,
  received_at  timestamptz NOT NULL,
  done_at      timestamptz,
  PRIMARY KEY (org_id, channel_id, event_id)
);
CREATE INDEX notice_received ON channels.notice (org_id, received_at);
SELECT storage.isolate('channels.notice', 'SELECT, INSERT, UPDATE');
