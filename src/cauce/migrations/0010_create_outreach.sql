-- Messages that follow the state of the bill: what is due to whom, what was sent, who does not want it.

CREATE SCHEMA outreach;
GRANT USAGE ON SCHEMA outreach TO cauce_app, cauce_scheduler;

-- A campaign as an organization changed it; one without a row is as the product ships it.
CREATE TABLE outreach.campaign (
  org_id     bigint NOT NULL,
  key        text COLLATE "C" NOT NULL CHECK (key ~ '^[a-z][a-z0-9_]{0,63}$'),
  enabled    boolean NOT NULL,
  content    jsonb NOT NULL,                               -- outreach.rules.Campaign
  version    bigint NOT NULL DEFAULT 1,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, key)
);
SELECT storage.isolate('outreach.campaign');

-- A text as an organization changed it; one without a row is as the product ships it.
CREATE TABLE outreach.template (
  org_id     bigint NOT NULL,
  key        text COLLATE "C" NOT NULL CHECK (key ~ '^[a-z][a-z0-9_]{0,63}$'),
  locale     text COLLATE "C" NOT NULL CHECK (locale IN ('en', 'es', 'zh')),
  subject    text NOT NULL,
  body       text NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, key, locale)
);
SELECT storage.isolate('outreach.template');

-- What a customer shall have done, in order, for one plan: [{event_name, title, article_url}].
CREATE TABLE outreach.goals (
  org_id   bigint NOT NULL,
  plan_key text COLLATE "C" NOT NULL,
  goals    jsonb NOT NULL,
  PRIMARY KEY (org_id, plan_key)
);
SELECT storage.isolate('outreach.goals');

-- A step that waits for its time, or what became of it: one row per customer, campaign, step and period, for ever.
CREATE TABLE outreach.step (
  org_id          bigint NOT NULL,
  customer_id     text COLLATE "C" NOT NULL,
  campaign        text COLLATE "C" NOT NULL,
  step            text COLLATE "C" NOT NULL,
  period          text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C" NOT NULL DEFAULT '',
  position        smallint NOT NULL,                       -- its place in the campaign
  state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'queued', 'skipped', 'stopped')),
  reason          text NOT NULL DEFAULT '',
  planned_at      timestamptz NOT NULL,                    -- when it would be due without holds and quiet hours
  due_at          timestamptz,
  data            jsonb NOT NULL DEFAULT '{}',             -- of the event that set it
  message_id      text COLLATE "C",
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (org_id, customer_id, campaign, step, period),
  CONSTRAINT only_waiting_is_due CHECK (due_at IS NULL OR state = 'waiting')
) WITH (fillfactor = 80);
CREATE INDEX step_due ON outreach.step (due_at, org_id) WHERE due_at IS NOT NULL;
CREATE INDEX step_org_due ON outreach.step (org_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX step_campaign ON outreach.step (org_id, campaign, step, state);
SELECT storage.isolate('outreach.step');
SELECT storage.schedule('outreach.step');

CREATE TABLE outreach.message (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  subject_id  text COLLATE "C" NOT NULL DEFAULT '',        -- the object that it is about
  campaign    text COLLATE "C" NOT NULL DEFAULT '',        -- '': asked for by a flow or a person
  step        text COLLATE "C" NOT NULL DEFAULT '',
  period      text COLLATE "C" NOT NULL DEFAULT '',
  audience    text NOT NULL DEFAULT 'customer' CHECK (audience IN ('customer', 'staff', 'test')),
  category    text NOT NULL CHECK (category IN ('service', 'onboarding', 'marketing')),
  template    text COLLATE "C" NOT NULL,
  channel     text NOT NULL CHECK (channel IN ('mail', 'contact', 'webhook', 'log')),
  channel_id  text COLLATE "C" NOT NULL DEFAULT '',
  to_address  text NOT NULL DEFAULT '',
  to_name     text NOT NULL DEFAULT '',
  locale      text NOT NULL,
  data        jsonb NOT NULL DEFAULT '{}',
  subject     text NOT NULL DEFAULT '',
  body_text   text NOT NULL DEFAULT '',
  body_html   text NOT NULL DEFAULT '',
  state       text NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'suppressed', 'bounced', 'failed', 'unknown')),
  reason      text NOT NULL DEFAULT '',
  ref         text NOT NULL DEFAULT '',                    -- the channel's id of it
  created_at  timestamptz NOT NULL,
  settled_at  timestamptz,
  PRIMARY KEY (org_id, id)
) WITH (fillfactor = 80);
CREATE INDEX message_customer ON outreach.message (org_id, customer_id, id);
CREATE INDEX message_campaign ON outreach.message (org_id, campaign, step, state);
-- At most once to a person (K4): the second wall behind outreach.step.
CREATE UNIQUE INDEX message_once ON outreach.message (org_id, customer_id, campaign, step, period)
  WHERE campaign <> '' AND audience = 'customer' AND state <> 'suppressed';
SELECT storage.isolate('outreach.message', 'SELECT, INSERT');
GRANT UPDATE (channel, channel_id, to_address, subject, body_text, body_html, state, reason, ref, settled_at) ON outreach.message TO cauce_app;

-- What somebody said about a category; silence is read by outreach.rules.may_send.
CREATE TABLE outreach.consent (
  org_id      bigint NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  category    text NOT NULL CHECK (category IN ('onboarding', 'marketing')),
  granted     boolean NOT NULL,
  source      text NOT NULL,
  changed_at  timestamptz NOT NULL,
  PRIMARY KEY (org_id, customer_id, category)
);
SELECT storage.isolate('outreach.consent');

-- Addresses that take no mail.
CREATE TABLE outreach.bounce (
  org_id     bigint NOT NULL,
  address    text COLLATE "C" NOT NULL,                    -- lower case
  reason     text NOT NULL,
  bounced_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, address)
);
SELECT storage.isolate('outreach.bounce');

-- A person is talking with the customer: no automated step until then (K6).
CREATE TABLE outreach.hold (
  org_id      bigint NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  held_until  timestamptz NOT NULL,
  reason      text NOT NULL DEFAULT '',
  PRIMARY KEY (org_id, customer_id)
);
SELECT storage.isolate('outreach.hold');

-- What customers did in the product.
CREATE TABLE outreach.product_event (
  org_id      bigint NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  name        text COLLATE "C" NOT NULL,
  event_id    text COLLATE "C" NOT NULL,                   -- the sender's: a repeat is dropped
  occurred_at timestamptz NOT NULL,
  properties  jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (org_id, customer_id, name, event_id)
);
SELECT storage.isolate('outreach.product_event', 'SELECT, INSERT');

-- The customer at a help desk: its id there, and what was told last.
CREATE TABLE outreach.contact (
  org_id      bigint NOT NULL,
  channel_id  text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  ref         text COLLATE "C" NOT NULL DEFAULT '',
  company_ref text COLLATE "C" NOT NULL DEFAULT '',
  tag         text NOT NULL DEFAULT '',
  state       text NOT NULL DEFAULT 'linked' CHECK (state IN ('linked', 'gone', 'erased')),
  told_at     timestamptz NOT NULL,
  PRIMARY KEY (org_id, channel_id, customer_id)
);
CREATE INDEX contact_ref ON outreach.contact (org_id, channel_id, ref) WHERE ref <> '';
SELECT storage.isolate('outreach.contact');

-- A channel that refuses our credentials: nothing goes there until a person says so.
CREATE TABLE outreach.stopped (
  org_id     bigint NOT NULL,
  channel_id text COLLATE "C" NOT NULL,
  reason     text NOT NULL,
  stopped_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, channel_id)
);
SELECT storage.isolate('outreach.stopped');

CREATE TABLE outreach.automation (
  org_id     bigint NOT NULL,
  id         text COLLATE "C" NOT NULL,
  name       text NOT NULL CHECK (name <> ''),
  enabled    boolean NOT NULL,
  content    jsonb NOT NULL,                               -- outreach.automations.Automation
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, id)
);
SELECT storage.isolate('outreach.automation');

-- What an automation did for one event: once, whatever is repeated.
CREATE TABLE outreach.run (
  org_id        bigint NOT NULL,
  automation_id text COLLATE "C" NOT NULL,
  event_id      text COLLATE "C" NOT NULL,
  customer_id   text COLLATE "C" NOT NULL,
  state         text NOT NULL CHECK (state IN ('waiting', 'completed', 'failed', 'skipped')),
  done          integer NOT NULL DEFAULT 0,                -- actions that were done
  log           jsonb NOT NULL DEFAULT '[]',
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (org_id, automation_id, event_id)
);
CREATE INDEX run_customer ON outreach.run (org_id, customer_id, automation_id, created_at);
SELECT storage.isolate('outreach.run');
