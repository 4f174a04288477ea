-- The customer's instance of what is sold: one row a subscription, one row for every time that a runner is asked.

CREATE SCHEMA provisioning;
GRANT USAGE ON SCHEMA provisioning TO cauce_app, cauce_scheduler;

-- The transition table of billing.provisioning.machine; a test compares the two.
CREATE FUNCTION provisioning.transitions() RETURNS TABLE (source text, trigger text, target text)
LANGUAGE sql IMMUTABLE AS $$ VALUES
  ('-', 'adopt', 'ready'),
  ('-', 'request', 'requested'),
  ('deleted', 'start', 'provisioning'),
  ('failed', 'delete', 'deleted'),
  ('failed', 'start', 'provisioning'),
  ('provisioning', 'fail', 'failed'),
  ('provisioning', 'succeed', 'ready'),
  ('ready', 'delete', 'deleted'),
  ('ready', 'suspend', 'suspended'),
  ('requested', 'delete', 'deleted'),
  ('requested', 'fail', 'failed'),
  ('requested', 'start', 'provisioning'),
  ('suspended', 'delete', 'deleted'),
  ('suspended', 'restore', 'ready')
$$;
CREATE FUNCTION provisioning.allows(p_source text, p_trigger text, p_target text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT EXISTS (SELECT FROM provisioning.transitions() t WHERE (t.source, t.trigger, t.target) = (p_source, p_trigger, p_target))
$$;

CREATE TABLE provisioning.instance (
  org_id          bigint NOT NULL,
  id              text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  customer_id     text COLLATE "C" NOT NULL,
  plan_id         text COLLATE "C" NOT NULL,                -- the plan that the latest operation was asked for
  runner          text NOT NULL CHECK (runner <> ''),       -- what the plan calls the channel: its id, name or provider
  channel_id      text COLLATE "C",                         -- the channel once one was found
  state           text COLLATE "C" NOT NULL CHECK (state IN ('requested', 'provisioning', 'ready', 'failed', 'suspended', 'deleted')),
  wanted          text COLLATE "C" NOT NULL CHECK (wanted IN ('running', 'suspended', 'deleted')),
  ref             text NOT NULL DEFAULT '',                 -- the runner's name for it
  redirect_url    text NOT NULL DEFAULT '',
  fields          jsonb NOT NULL DEFAULT '{}',
  failure         text NOT NULL DEFAULT '',                 -- why the latest operation failed; '' when it did not
  due_at          timestamptz,                              -- when its data go, unless the customer comes back
  ready_at        timestamptz,
  suspended_at    timestamptz,
  deleted_at      timestamptz,
  version         bigint NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, subscription_id),
  FOREIGN KEY (org_id, subscription_id) REFERENCES subscriptions.subscription (org_id, id),
  CONSTRAINT running_is_not_due CHECK (due_at IS NULL OR wanted = 'suspended')
) WITH (fillfactor = 75);
CREATE INDEX instance_customer ON provisioning.instance (org_id, customer_id);
CREATE INDEX instance_due ON provisioning.instance (due_at, org_id) WHERE due_at IS NOT NULL;
CREATE INDEX instance_org_due ON provisioning.instance (org_id, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX instance_failed ON provisioning.instance (org_id, id) WHERE failure <> '';
SELECT storage.isolate('provisioning.instance');
SELECT storage.schedule('provisioning.instance');

-- What the runner was asked to do. The id is the key that makes a repeat harmless.
CREATE TABLE provisioning.operation (
  org_id       bigint NOT NULL,
  id           text COLLATE "C" NOT NULL,
  instance_id  text COLLATE "C" NOT NULL,
  verb         text COLLATE "C" NOT NULL CHECK (verb IN ('provision', 'change', 'suspend', 'restore', 'deprovision', 'reactivate')),
  state        text COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'sent', 'done', 'failed', 'refused', 'vetoed')),
  asked        boolean NOT NULL DEFAULT false,              -- the pre hook has answered
  attempts     integer NOT NULL DEFAULT 0,
  failure      text NOT NULL DEFAULT '',
  at           timestamptz NOT NULL,                        -- org time of its cause, by which its effects are dated
  sent_at      timestamptz,
  concluded_at timestamptz,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, instance_id) REFERENCES provisioning.instance (org_id, id),
  CONSTRAINT concluded_when_final CHECK ((state IN ('waiting', 'sent')) = (concluded_at IS NULL))
);
CREATE INDEX operation_instance ON provisioning.operation (org_id, instance_id, id);
SELECT storage.isolate('provisioning.operation');

-- The steps of an instance's life: append-only.
CREATE TABLE provisioning.history (
  org_id       bigint NOT NULL,
  id           bigint GENERATED ALWAYS AS IDENTITY,
  instance_id  text COLLATE "C" NOT NULL,
  operation_id text COLLATE "C",
  at           timestamptz NOT NULL,
  trigger      text COLLATE "C" NOT NULL,
  source       text COLLATE "C" NOT NULL,
  target       text COLLATE "C" NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT listed_transition CHECK (provisioning.allows(source, trigger, target))
);
CREATE INDEX history_instance ON provisioning.history (org_id, instance_id, id);
SELECT storage.isolate('provisioning.history', 'SELECT, INSERT');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON provisioning.history FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();
