-- The subscription half: one schema per slice, named like its package.

CREATE SCHEMA catalog;
CREATE SCHEMA customers;
CREATE SCHEMA subscriptions;
CREATE SCHEMA usage;
CREATE SCHEMA invoicing;
CREATE SCHEMA payments;
CREATE SCHEMA entitlements;
GRANT USAGE ON SCHEMA catalog, customers, subscriptions, usage, invoicing, payments, entitlements
  TO cauce_app, cauce_scheduler, cauce_ledger;

-- ---------------------------------------------------------------------------------------------------- catalog

CREATE TABLE catalog.product (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  key         text COLLATE "C" NOT NULL,                    -- the name in catalogue files
  name        text NOT NULL CHECK (name <> ''),
  description text NOT NULL DEFAULT '',
  metadata    jsonb NOT NULL DEFAULT '{}',
  archived_at timestamptz,
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, key)
);
SELECT storage.isolate('catalog.product');

CREATE TABLE catalog.plan (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  key         text COLLATE "C" NOT NULL,
  version     integer NOT NULL CHECK (version > 0),
  product_id  text COLLATE "C" NOT NULL,
  name        text NOT NULL CHECK (name <> ''),
  state       text NOT NULL DEFAULT 'published' CHECK (state IN ('published', 'unpublished', 'archived')),
  trial_days  integer NOT NULL DEFAULT 0 CHECK (trial_days >= 0),
  features    jsonb NOT NULL DEFAULT '{}',                  -- feature key -> true, a quota or a tier
  options     jsonb NOT NULL DEFAULT '[]',                  -- priced form fields
  policy      jsonb NOT NULL DEFAULT '{}',                  -- catalog.rules.PlanPolicy
  content     jsonb NOT NULL DEFAULT '{}',                  -- what the catalogue file said, for its difference
  metadata    jsonb NOT NULL DEFAULT '{}',
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, key, version),
  FOREIGN KEY (org_id, product_id) REFERENCES catalog.product (org_id, id)
);
CREATE INDEX plan_product ON catalog.plan (org_id, product_id);
SELECT storage.isolate('catalog.plan', 'SELECT, INSERT');
GRANT UPDATE (name, state, metadata) ON catalog.plan TO cauce_app;

-- A price never changes: the application may only archive it or change what nobody is charged by.
CREATE TABLE catalog.price (
  org_id         bigint NOT NULL,
  id             text COLLATE "C" NOT NULL,
  key            text COLLATE "C" NOT NULL,                 -- unique within a plan version and currency
  plan_id        text COLLATE "C" NOT NULL,
  product_id     text COLLATE "C" NOT NULL,
  kind           text NOT NULL CHECK (kind IN ('recurring', 'usage', 'one_time')),
  role           text NOT NULL DEFAULT 'base' CHECK (role IN ('base', 'addon')),
  currency       text COLLATE "C" NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
  billing        text NOT NULL CHECK (billing IN ('in_advance', 'in_arrears')),
  interval_unit  text NOT NULL CHECK (interval_unit IN ('day', 'week', 'month', 'year', 'none')),
  interval_count integer NOT NULL CHECK (interval_count > 0),
  model          jsonb NOT NULL,                            -- catalog.rules.model_from
  meter_key      text COLLATE "C",
  tax_category   text COLLATE "C" NOT NULL DEFAULT 'standard',
  tax_inclusive  boolean NOT NULL DEFAULT false,
  nickname       text NOT NULL DEFAULT '',
  metadata       jsonb NOT NULL DEFAULT '{}',
  archived_at    timestamptz,
  created_at     timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, plan_id, key, currency),
  FOREIGN KEY (org_id, plan_id) REFERENCES catalog.plan (org_id, id),
  CONSTRAINT usage_has_a_meter CHECK ((kind = 'usage') = (meter_key IS NOT NULL)),
  CONSTRAINT usage_is_in_arrears CHECK (kind <> 'usage' OR billing = 'in_arrears'),
  CONSTRAINT recurring_has_an_interval CHECK ((kind = 'one_time') = (interval_unit = 'none'))
);
SELECT storage.isolate('catalog.price', 'SELECT, INSERT');
GRANT UPDATE (nickname, metadata, archived_at) ON catalog.price TO cauce_app;

CREATE TABLE catalog.coupon (
  org_id          bigint NOT NULL,
  id              text COLLATE "C" NOT NULL,
  code            text COLLATE "C" NOT NULL,
  name            text NOT NULL DEFAULT '',
  percent         numeric CHECK (percent > 0 AND percent <= 100),
  amount_minor    bigint CHECK (amount_minor > 0),
  currency        text COLLATE "C" CHECK (currency ~ '^[a-z]{3}$'),
  duration        text NOT NULL CHECK (duration IN ('once', 'repeating', 'forever')),
  duration_periods integer CHECK (duration_periods > 0),
  product_ids     text[] NOT NULL DEFAULT '{}',             -- empty: every product
  first_purchase  boolean NOT NULL DEFAULT false,
  redemptions_max integer CHECK (redemptions_max > 0),
  redemptions     integer NOT NULL DEFAULT 0,
  expires_at      timestamptz,
  archived_at     timestamptz,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, code),
  CONSTRAINT percent_or_amount CHECK ((percent IS NULL) = (amount_minor IS NOT NULL) AND (amount_minor IS NULL) = (currency IS NULL)),
  CONSTRAINT repeating_says_how_often CHECK ((duration = 'repeating') = (duration_periods IS NOT NULL)),
  CONSTRAINT not_redeemed_too_often CHECK (redemptions_max IS NULL OR redemptions <= redemptions_max)
);
SELECT storage.isolate('catalog.coupon');

CREATE TABLE catalog.tax_rate (
  org_id     bigint NOT NULL,
  country    text COLLATE "C" NOT NULL,                     -- '': wherever nothing better is known
  category   text COLLATE "C" NOT NULL DEFAULT 'standard',
  percent    numeric NOT NULL CHECK (percent >= 0 AND percent < 1000),
  name       text NOT NULL DEFAULT '',
  PRIMARY KEY (org_id, country, category)
);
SELECT storage.isolate('catalog.tax_rate');

-- -------------------------------------------------------------------------------------------------- customers

CREATE TABLE customers.customer (
  org_id        bigint NOT NULL,
  id            text COLLATE "C" NOT NULL,
  external_id   text COLLATE "C" NOT NULL CHECK (length(external_id) BETWEEN 1 AND 255),
  email         text NOT NULL DEFAULT '',
  name          text NOT NULL DEFAULT '',
  locale        text NOT NULL DEFAULT 'en',
  timezone      text NOT NULL DEFAULT 'UTC',
  country       text COLLATE "C" NOT NULL DEFAULT '',
  address       jsonb NOT NULL DEFAULT '{}',
  tax_ids       jsonb NOT NULL DEFAULT '[]',
  tax_treatment text NOT NULL DEFAULT 'standard' CHECK (tax_treatment IN ('standard', 'exempt', 'reverse_charge')),
  metadata      jsonb NOT NULL DEFAULT '{}',
  suspended_at  timestamptz,
  erased_at     timestamptz,
  version       bigint NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, external_id)
) WITH (fillfactor = 85);
SELECT storage.isolate('customers.customer');

-- Search by the beginning of a word: policies hide LIKE indexes, a range over these does not.
CREATE TABLE customers.token (
  org_id      bigint NOT NULL,
  token       text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (org_id, token, customer_id)
);
CREATE INDEX token_customer ON customers.token (org_id, customer_id);
SELECT storage.isolate('customers.token');

-- ---------------------------------------------------------------------------------------------- subscriptions

CREATE TABLE subscriptions.subscription (
  org_id         bigint NOT NULL,
  id             text COLLATE "C" NOT NULL,
  customer_id    text COLLATE "C" NOT NULL,
  plan_id        text COLLATE "C" NOT NULL,
  product_id     text COLLATE "C" NOT NULL,
  status         text COLLATE "C" NOT NULL CHECK (status IN
                   ('draft', 'incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused', 'canceled', 'expired')),
  currency       text COLLATE "C" NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
  timezone       text NOT NULL,
  term           integer NOT NULL DEFAULT 1,               -- counts up at every reactivation
  interval_unit  text NOT NULL,
  interval_count integer NOT NULL,
  anchor_on      date NOT NULL,                            -- where the schedule of this term starts
  anchor_day     smallint CHECK (anchor_day BETWEEN 1 AND 31),
  anchor_time    time NOT NULL,                            -- local time of day of every boundary
  period_index   integer NOT NULL DEFAULT -1,              -- -1: nothing billed yet
  period_start   date,
  period_end     date,
  collection     text NOT NULL DEFAULT 'charge' CHECK (collection IN ('charge', 'send_invoice')),
  net_days       integer NOT NULL DEFAULT 0 CHECK (net_days >= 0),
  method_id      text COLLATE "C",                         -- overrides the customer's default
  trial_start    timestamptz,
  trial_end      timestamptz,
  cancel_at_period_end boolean NOT NULL DEFAULT false,
  cancellation   text NOT NULL DEFAULT '' CHECK (cancellation IN ('', 'waiting', 'approved', 'rejected')),
  cancel_reason  text NOT NULL DEFAULT '',
  pause_reason   text NOT NULL DEFAULT '' CHECK (pause_reason IN ('', 'requested', 'trial_ended')),
  paused_on      date,
  resume_at      timestamptz,
  periods_max    integer CHECK (periods_max > 0),           -- fixed term or instalments
  pending_invoice_id text COLLATE "C",                     -- the first invoice, while its payment is open
  mrr_minor      bigint NOT NULL DEFAULT 0,
  metadata       jsonb NOT NULL DEFAULT '{}',
  due_kind       text COLLATE "C",
  due_at         timestamptz,
  started_at     timestamptz,
  ended_at       timestamptz,
  version        bigint NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT due_has_a_kind CHECK (due_at IS NULL OR due_kind IS NOT NULL),
  CONSTRAINT period_is_whole CHECK ((period_start IS NULL) = (period_end IS NULL) AND period_start < period_end),
  CONSTRAINT ended_is_not_due CHECK (status NOT IN ('canceled', 'expired') OR due_at IS NULL),
  CONSTRAINT paused_has_a_reason CHECK ((status = 'paused') = (pause_reason <> ''))
) WITH (fillfactor = 75);
CREATE INDEX subscription_customer ON subscriptions.subscription (org_id, customer_id);
CREATE INDEX subscription_due ON subscriptions.subscription (due_kind, due_at, org_id) WHERE due_at IS NOT NULL;
CREATE INDEX subscription_org_due ON subscriptions.subscription (org_id, due_kind, due_at, id) WHERE due_at IS NOT NULL;
SELECT storage.isolate('subscriptions.subscription');
SELECT storage.schedule('subscriptions.subscription', 'org_id, due_at, due_kind');

CREATE TABLE subscriptions.item (
  org_id          bigint NOT NULL,
  id              text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  price_id        text COLLATE "C" NOT NULL,
  quantity        numeric NOT NULL CHECK (quantity >= 0),
  options         jsonb NOT NULL DEFAULT '{}',
  adjust_minor    bigint NOT NULL DEFAULT 0,                -- what chosen options add to the amount of a period
  adjust_percent  numeric NOT NULL DEFAULT 0,
  removed_at      timestamptz,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX item_subscription ON subscriptions.item (org_id, subscription_id) WHERE removed_at IS NULL;
SELECT storage.isolate('subscriptions.item');

-- A change that waits for its date, or has been applied or withdrawn.
CREATE TABLE subscriptions.change (
  org_id          bigint NOT NULL,
  id              text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  content         jsonb NOT NULL,
  at_period_end   boolean NOT NULL,
  due_at          timestamptz,                             -- a date inside the period; NULL: at its end, or settled
  state           text NOT NULL CHECK (state IN ('scheduled', 'applied', 'canceled', 'failed')),
  reason          text NOT NULL DEFAULT '',
  created_at      timestamptz NOT NULL,
  settled_at      timestamptz,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX change_one_waiting ON subscriptions.change (org_id, subscription_id) WHERE state = 'scheduled';
CREATE INDEX change_due ON subscriptions.change (due_at, org_id) WHERE due_at IS NOT NULL;
SELECT storage.isolate('subscriptions.change');
SELECT storage.schedule('subscriptions.change');

-- Secondary timers of a subscription: notices before an instant.
CREATE TABLE subscriptions.timer (
  org_id          bigint NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  kind            text COLLATE "C" NOT NULL,
  due_at          timestamptz,
  PRIMARY KEY (org_id, subscription_id, kind)
);
CREATE INDEX timer_due ON subscriptions.timer (due_at, org_id) WHERE due_at IS NOT NULL;
CREATE INDEX timer_org_due ON subscriptions.timer (org_id, due_at) WHERE due_at IS NOT NULL;
SELECT storage.isolate('subscriptions.timer');
SELECT storage.schedule('subscriptions.timer');

-- The transition table of billing.subscriptions.machine; a test compares the two.
CREATE FUNCTION subscriptions.transitions() RETURNS TABLE (source text, trigger text, target text)
LANGUAGE sql IMMUTABLE AS $$ VALUES
  ('-', 'quote', 'draft'),
  ('-', 'subscribe', 'active'),
  ('-', 'subscribe', 'incomplete'),
  ('-', 'subscribe', 'trialing'),
  ('active', 'apply_change', 'active'),
  ('active', 'await_payment', 'active'),
  ('active', 'cancel', 'canceled'),
  ('active', 'cancel_at_end', 'active'),
  ('active', 'change', 'active'),
  ('active', 'complete', 'expired'),
  ('active', 'decide_cancel', 'active'),
  ('active', 'dispute', 'active'),
  ('active', 'dispute', 'canceled'),
  ('active', 'end_term', 'canceled'),
  ('active', 'lose_method', 'active'),
  ('active', 'miss_payment', 'past_due'),
  ('active', 'pause', 'paused'),
  ('active', 'renew', 'active'),
  ('active', 'request_cancel', 'active'),
  ('active', 'schedule_change', 'active'),
  ('active', 'suspend', 'active'),
  ('active', 'undo_cancel', 'active'),
  ('active', 'unsuspend', 'active'),
  ('canceled', 'dispute', 'canceled'),
  ('canceled', 'pay_late', 'canceled'),
  ('canceled', 'reactivate', 'active'),
  ('canceled', 'reactivate', 'incomplete'),
  ('draft', 'approve', 'active'),
  ('draft', 'approve', 'incomplete'),
  ('draft', 'approve', 'trialing'),
  ('draft', 'dispute', 'draft'),
  ('draft', 'lapse', 'expired'),
  ('draft', 'reject', 'canceled'),
  ('expired', 'dispute', 'expired'),
  ('expired', 'pay_late', 'expired'),
  ('incomplete', 'apply_change', 'incomplete'),
  ('incomplete', 'cancel', 'canceled'),
  ('incomplete', 'dispute', 'canceled'),
  ('incomplete', 'dispute', 'incomplete'),
  ('incomplete', 'lapse', 'expired'),
  ('incomplete', 'lose_method', 'incomplete'),
  ('incomplete', 'schedule_change', 'incomplete'),
  ('incomplete', 'settle', 'active'),
  ('incomplete', 'suspend', 'incomplete'),
  ('incomplete', 'unsuspend', 'incomplete'),
  ('past_due', 'apply_change', 'past_due'),
  ('past_due', 'cancel', 'canceled'),
  ('past_due', 'cancel_at_end', 'past_due'),
  ('past_due', 'decide_cancel', 'past_due'),
  ('past_due', 'dispute', 'canceled'),
  ('past_due', 'dispute', 'past_due'),
  ('past_due', 'end_grace', 'past_due'),
  ('past_due', 'end_term', 'canceled'),
  ('past_due', 'exhaust', 'canceled'),
  ('past_due', 'exhaust', 'unpaid'),
  ('past_due', 'lose_method', 'past_due'),
  ('past_due', 'pause', 'paused'),
  ('past_due', 'renew', 'past_due'),
  ('past_due', 'request_cancel', 'past_due'),
  ('past_due', 'schedule_change', 'past_due'),
  ('past_due', 'settle', 'active'),
  ('past_due', 'suspend', 'past_due'),
  ('past_due', 'undo_cancel', 'past_due'),
  ('past_due', 'unsuspend', 'past_due'),
  ('paused', 'apply_change', 'paused'),
  ('paused', 'cancel', 'canceled'),
  ('paused', 'convert', 'active'),
  ('paused', 'convert', 'paused'),
  ('paused', 'dispute', 'canceled'),
  ('paused', 'dispute', 'paused'),
  ('paused', 'forget', 'canceled'),
  ('paused', 'lose_method', 'paused'),
  ('paused', 'resume', 'active'),
  ('paused', 'resume', 'past_due'),
  ('paused', 'schedule_change', 'paused'),
  ('paused', 'suspend', 'paused'),
  ('paused', 'unsuspend', 'paused'),
  ('trialing', 'apply_change', 'trialing'),
  ('trialing', 'await_payment', 'active'),
  ('trialing', 'await_payment', 'incomplete'),
  ('trialing', 'cancel', 'canceled'),
  ('trialing', 'cancel_at_end', 'trialing'),
  ('trialing', 'change', 'trialing'),
  ('trialing', 'dispute', 'canceled'),
  ('trialing', 'dispute', 'trialing'),
  ('trialing', 'end_term', 'canceled'),
  ('trialing', 'end_trial', 'active'),
  ('trialing', 'end_trial', 'canceled'),
  ('trialing', 'end_trial', 'incomplete'),
  ('trialing', 'end_trial', 'past_due'),
  ('trialing', 'end_trial', 'paused'),
  ('trialing', 'lose_method', 'trialing'),
  ('trialing', 'move_trial', 'trialing'),
  ('trialing', 'schedule_change', 'trialing'),
  ('trialing', 'suspend', 'trialing'),
  ('trialing', 'undo_cancel', 'trialing'),
  ('trialing', 'unsuspend', 'trialing'),
  ('unpaid', 'apply_change', 'unpaid'),
  ('unpaid', 'cancel', 'canceled'),
  ('unpaid', 'dispute', 'canceled'),
  ('unpaid', 'dispute', 'unpaid'),
  ('unpaid', 'give_up', 'canceled'),
  ('unpaid', 'lose_method', 'unpaid'),
  ('unpaid', 'schedule_change', 'unpaid'),
  ('unpaid', 'settle', 'active'),
  ('unpaid', 'suspend', 'unpaid'),
  ('unpaid', 'unsuspend', 'unpaid')
$$;
CREATE FUNCTION subscriptions.allows(p_source text, p_trigger text, p_target text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT EXISTS (SELECT FROM subscriptions.transitions() t WHERE (t.source, t.trigger, t.target) = (p_source, p_trigger, p_target))
$$;

-- What happened to a subscription: effective-dated, append-only; analytics read it.
CREATE TABLE subscriptions.history (
  org_id          bigint NOT NULL,
  id              bigint GENERATED ALWAYS AS IDENTITY,
  subscription_id text COLLATE "C" NOT NULL,
  customer_id     text COLLATE "C" NOT NULL,
  at              timestamptz NOT NULL,
  trigger         text COLLATE "C" NOT NULL,
  source          text COLLATE "C" NOT NULL,
  target          text COLLATE "C" NOT NULL,
  currency        text COLLATE "C" NOT NULL,
  mrr_before_minor bigint NOT NULL,
  mrr_after_minor bigint NOT NULL,
  actor           text NOT NULL,
  reason          text NOT NULL DEFAULT '',
  PRIMARY KEY (org_id, id),
  CONSTRAINT listed_transition CHECK (subscriptions.allows(source, trigger, target))
);
CREATE INDEX history_subscription ON subscriptions.history (org_id, subscription_id, id);
CREATE INDEX history_time ON subscriptions.history (org_id, at);
SELECT storage.isolate('subscriptions.history', 'SELECT, INSERT');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON subscriptions.history FOR EACH ROW EXECUTE FUNCTION storage.refuse_change();

-- One trial per customer and product: by customer, card fingerprint and e-mail address.
CREATE TABLE subscriptions.trial_use (
  org_id          bigint NOT NULL,
  product_id      text COLLATE "C" NOT NULL,
  identity        text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  used_at         timestamptz NOT NULL,
  PRIMARY KEY (org_id, product_id, identity)
);
SELECT storage.isolate('subscriptions.trial_use');

CREATE TABLE subscriptions.discount (
  org_id          bigint NOT NULL,
  id              text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  coupon_id       text COLLATE "C" NOT NULL,
  percent         numeric,
  amount_minor    bigint,
  product_ids     text[] NOT NULL DEFAULT '{}',
  periods_left    integer,                                 -- NULL: for ever
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX discount_once ON subscriptions.discount (org_id, subscription_id, coupon_id);
SELECT storage.isolate('subscriptions.discount');

-- ------------------------------------------------------------------------------------------------------ usage

CREATE TABLE usage.meter (
  org_id      bigint NOT NULL,
  key         text COLLATE "C" NOT NULL,
  name        text NOT NULL DEFAULT '',
  aggregation text NOT NULL CHECK (aggregation IN ('count', 'sum', 'max', 'unique', 'latest')),
  created_at  timestamptz NOT NULL,
  archived_at timestamptz,
  PRIMARY KEY (org_id, key)
);
SELECT storage.isolate('usage.meter');

CREATE TABLE usage.event (
  org_id          bigint NOT NULL,
  source          text COLLATE "C" NOT NULL,
  event_id        text COLLATE "C" NOT NULL,
  meter_key       text COLLATE "C" NOT NULL,
  customer_id     text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C",                        -- NULL: nobody was to be billed for it
  value           numeric NOT NULL,
  unique_value    text COLLATE "C" NOT NULL DEFAULT '',
  occurred_at     timestamptz NOT NULL,
  day             date NOT NULL,                           -- in the subscription's zone
  recorded_at     timestamptz NOT NULL,
  PRIMARY KEY (org_id, source, event_id)
);
CREATE INDEX event_subscription ON usage.event (org_id, subscription_id, meter_key, day);
SELECT storage.isolate('usage.event', 'SELECT, INSERT');

-- Per day what the events of a meter amount to; can always be made again from them.
CREATE TABLE usage.rollup (
  org_id          bigint NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  meter_key       text COLLATE "C" NOT NULL,
  day             date NOT NULL,
  events          bigint NOT NULL,
  total           numeric NOT NULL,
  highest         numeric NOT NULL,
  latest          numeric NOT NULL,
  latest_at       timestamptz NOT NULL,
  PRIMARY KEY (org_id, subscription_id, meter_key, day)
) WITH (fillfactor = 80);
SELECT storage.isolate('usage.rollup');

-- Values of `unique` meters, once per day.
CREATE TABLE usage.distinct_value (
  org_id          bigint NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  meter_key       text COLLATE "C" NOT NULL,
  day             date NOT NULL,
  value           text COLLATE "C" NOT NULL,
  PRIMARY KEY (org_id, subscription_id, meter_key, day, value)
);
SELECT storage.isolate('usage.distinct_value');

-- -------------------------------------------------------------------------------------------------- invoicing

-- A number series without gaps: the row is locked from taking a number to the commit.
CREATE TABLE invoicing.series (
  org_id bigint NOT NULL,
  key    text COLLATE "C" NOT NULL,
  prefix text NOT NULL,
  last   bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (org_id, key)
);
SELECT storage.isolate('invoicing.series');

CREATE TABLE invoicing.invoice (
  org_id          bigint NOT NULL,
  id              text COLLATE "C" NOT NULL,
  series          text COLLATE "C",
  sequence        bigint,
  number          text,
  customer_id     text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C",
  term            integer NOT NULL DEFAULT 0,
  reason          text COLLATE "C" NOT NULL CHECK (reason IN ('cycle', 'change', 'final', 'resume', 'manual', 'import')),
  status          text COLLATE "C" NOT NULL CHECK (status IN ('draft', 'open', 'paid', 'void', 'uncollectible')),
  currency        text COLLATE "C" NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
  period_start    date,
  period_end      date,
  subtotal_minor  bigint NOT NULL,                         -- before discount, tax excluded where it is exclusive
  discount_minor  bigint NOT NULL DEFAULT 0,
  tax_minor       bigint NOT NULL DEFAULT 0,
  total_minor     bigint NOT NULL,
  credit_minor    bigint NOT NULL DEFAULT 0,               -- paid from the customer's credit
  paid_minor      bigint NOT NULL DEFAULT 0,
  credited_minor  bigint NOT NULL DEFAULT 0,               -- by credit notes
  lost_minor      bigint NOT NULL DEFAULT 0,               -- written off
  collection      text NOT NULL DEFAULT 'charge' CHECK (collection IN ('charge', 'send_invoice')),
  snapshot        jsonb NOT NULL DEFAULT '{}',             -- names, addresses, tax ids as they were
  issued_on       date,
  payable_on      date,
  due_at          timestamptz,                             -- when collection looks at it next
  finalized_at    timestamptz,
  paid_at         timestamptz,
  closed_at       timestamptz,
  disputed        boolean NOT NULL DEFAULT false,
  version         bigint NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT numbered_when_final CHECK ((status = 'draft') = (number IS NULL)),
  CONSTRAINT settled_at_most_once CHECK (total_minor < 0 OR credit_minor + paid_minor + lost_minor <= total_minor),
  CONSTRAINT paid_is_paid CHECK (status <> 'paid' OR credit_minor + paid_minor + credited_minor >= total_minor)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX invoice_number ON invoicing.invoice (org_id, series, sequence) WHERE sequence IS NOT NULL;
CREATE UNIQUE INDEX invoice_period ON invoicing.invoice (org_id, subscription_id, term, period_start) WHERE reason = 'cycle';
CREATE INDEX invoice_customer ON invoicing.invoice (org_id, customer_id, id);
CREATE INDEX invoice_open ON invoicing.invoice (org_id, subscription_id) WHERE status = 'open';
CREATE INDEX invoice_due ON invoicing.invoice (due_at, org_id) WHERE due_at IS NOT NULL;
CREATE INDEX invoice_org_due ON invoicing.invoice (org_id, due_at, id) WHERE due_at IS NOT NULL;
SELECT storage.isolate('invoicing.invoice');
SELECT storage.schedule('invoicing.invoice');

CREATE TABLE invoicing.line (
  org_id          bigint NOT NULL,
  invoice_id      text COLLATE "C" NOT NULL,
  number          smallint NOT NULL,
  kind            text COLLATE "C" NOT NULL CHECK (kind IN ('recurring', 'usage', 'one_time', 'proration', 'minimum', 'pending')),
  description     text NOT NULL,
  subscription_id text COLLATE "C",
  item_id         text COLLATE "C",
  price_id        text COLLATE "C",
  product_id      text COLLATE "C",
  quantity        numeric NOT NULL,
  period_start    date,
  period_end      date,
  amount_minor    bigint NOT NULL,                         -- as priced
  discount_minor  bigint NOT NULL,
  tax_percent     numeric NOT NULL,
  tax_inclusive   boolean NOT NULL,
  tax_minor       bigint NOT NULL,
  net_minor       bigint NOT NULL,                         -- what is ours: without tax
  total_minor     bigint NOT NULL,
  deferred        boolean NOT NULL,                        -- becomes revenue day by day over its period
  recognized_minor bigint NOT NULL DEFAULT 0,
  credited_net_minor bigint NOT NULL DEFAULT 0,
  credited_tax_minor bigint NOT NULL DEFAULT 0,
  details         jsonb,                                   -- tiers
  PRIMARY KEY (org_id, invoice_id, number),
  CONSTRAINT adds_up CHECK (total_minor = net_minor + tax_minor),
  CONSTRAINT credited_at_most_once CHECK (abs(credited_net_minor) <= abs(net_minor) AND abs(credited_tax_minor) <= abs(tax_minor))
) WITH (fillfactor = 85);
CREATE INDEX line_deferred ON invoicing.line (org_id, period_start) WHERE deferred AND recognized_minor <> net_minor - credited_net_minor;
CREATE INDEX line_item ON invoicing.line (org_id, item_id) WHERE item_id IS NOT NULL;
SELECT storage.isolate('invoicing.line');

-- An amount that waits for the next invoice.
CREATE TABLE invoicing.pending_line (
  org_id          bigint NOT NULL,
  id              text COLLATE "C" NOT NULL,
  customer_id     text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  currency        text COLLATE "C" NOT NULL,
  kind            text COLLATE "C" NOT NULL DEFAULT 'pending',
  description     text NOT NULL,
  product_id      text COLLATE "C",
  item_id         text COLLATE "C",
  price_id        text COLLATE "C",
  quantity        numeric NOT NULL DEFAULT 1,
  amount_minor    bigint NOT NULL,
  tax_category    text COLLATE "C" NOT NULL DEFAULT 'standard',
  tax_inclusive   boolean NOT NULL DEFAULT false,
  period_start    date,
  period_end      date,
  state           text NOT NULL CHECK (state IN ('proposed', 'waiting', 'invoiced', 'removed')),
  invoice_id      text COLLATE "C",
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT invoiced_names_its_invoice CHECK ((state = 'invoiced') = (invoice_id IS NOT NULL))
);
CREATE INDEX pending_line_waiting ON invoicing.pending_line (org_id, subscription_id) WHERE state = 'waiting';
SELECT storage.isolate('invoicing.pending_line');

CREATE TABLE invoicing.credit_note (
  org_id         bigint NOT NULL,
  id             text COLLATE "C" NOT NULL,
  invoice_id     text COLLATE "C" NOT NULL,
  customer_id    text COLLATE "C" NOT NULL,
  series         text COLLATE "C" NOT NULL,
  sequence       bigint NOT NULL,
  number         text NOT NULL,
  currency       text COLLATE "C" NOT NULL,
  reason         text NOT NULL,
  net_minor      bigint NOT NULL,
  tax_minor      bigint NOT NULL,
  total_minor    bigint NOT NULL CHECK (total_minor > 0),
  to_receivable_minor bigint NOT NULL CHECK (to_receivable_minor >= 0),
  to_credit_minor bigint NOT NULL CHECK (to_credit_minor >= 0),
  to_refund_minor bigint NOT NULL CHECK (to_refund_minor >= 0),
  lines          jsonb NOT NULL,
  issued_at      timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT adds_up CHECK (total_minor = net_minor + tax_minor),
  CONSTRAINT goes_somewhere CHECK (total_minor = to_receivable_minor + to_credit_minor + to_refund_minor)
);
CREATE UNIQUE INDEX credit_note_number ON invoicing.credit_note (org_id, series, sequence);
CREATE INDEX credit_note_invoice ON invoicing.credit_note (org_id, invoice_id);
SELECT storage.isolate('invoicing.credit_note', 'SELECT, INSERT');

-- --------------------------------------------------------------------------------------------------- payments

-- The customer as a provider knows him.
CREATE TABLE payments.payer (
  org_id      bigint NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  channel_id  text COLLATE "C" NOT NULL,
  ref         text NOT NULL DEFAULT '',
  PRIMARY KEY (org_id, customer_id, channel_id)
);
CREATE INDEX payer_ref ON payments.payer (org_id, channel_id, ref);
SELECT storage.isolate('payments.payer');

CREATE TABLE payments.method (
  org_id       bigint NOT NULL,
  id           text COLLATE "C" NOT NULL,
  customer_id  text COLLATE "C" NOT NULL,
  channel_id   text COLLATE "C" NOT NULL,
  customer_ref text NOT NULL,
  ref          text NOT NULL,
  kind         text NOT NULL,
  brand        text NOT NULL DEFAULT '',
  last4        text NOT NULL DEFAULT '',
  expires_on   date,
  fingerprint  text COLLATE "C" NOT NULL DEFAULT '',
  is_default   boolean NOT NULL DEFAULT false,
  usable       boolean NOT NULL DEFAULT true,               -- false: lost, stolen, refused for ever
  due_at       timestamptz,                                -- next expiry notice
  removed_at   timestamptz,
  created_at   timestamptz NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX method_one_default ON payments.method (org_id, customer_id) WHERE is_default AND removed_at IS NULL;
CREATE UNIQUE INDEX method_ref ON payments.method (org_id, channel_id, ref) WHERE removed_at IS NULL;
CREATE INDEX method_customer ON payments.method (org_id, customer_id) WHERE removed_at IS NULL;
CREATE INDEX method_due ON payments.method (due_at, org_id) WHERE due_at IS NOT NULL;
CREATE INDEX method_org_due ON payments.method (org_id, due_at, id) WHERE due_at IS NOT NULL;
SELECT storage.isolate('payments.method');
SELECT storage.schedule('payments.method');

-- A set-up under way: the key of the instruction, whose method it will be.
CREATE TABLE payments.setup (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  channel_id  text COLLATE "C" NOT NULL,
  state       text NOT NULL CHECK (state IN ('open', 'done', 'failed')),
  next_action jsonb,
  method_id   text COLLATE "C",
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX setup_customer ON payments.setup (org_id, customer_id);
SELECT storage.isolate('payments.setup');

CREATE TABLE payments.attempt (
  org_id          bigint NOT NULL,
  id              text COLLATE "C" NOT NULL,
  invoice_id      text COLLATE "C" NOT NULL,
  customer_id     text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C",
  method_id       text COLLATE "C",
  channel_id      text COLLATE "C" NOT NULL,
  currency        text COLLATE "C" NOT NULL,
  amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
  state           text NOT NULL CHECK (state IN ('created', 'processing', 'succeeded', 'failed', 'canceled')),
  refusal         text NOT NULL DEFAULT '',
  code            text NOT NULL DEFAULT '',
  message         text NOT NULL DEFAULT '',
  next_action     jsonb,
  by_customer     boolean NOT NULL DEFAULT false,          -- the customer pays by link, not we by a saved method
  created_at      timestamptz NOT NULL,
  concluded_at    timestamptz,
  PRIMARY KEY (org_id, id)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX attempt_one_in_flight ON payments.attempt (org_id, invoice_id) WHERE state IN ('created', 'processing');
CREATE INDEX attempt_invoice ON payments.attempt (org_id, invoice_id, id);
SELECT storage.isolate('payments.attempt');

-- Money that arrived.
CREATE TABLE payments.payment (
  org_id        bigint NOT NULL,
  id            text COLLATE "C" NOT NULL,
  customer_id   text COLLATE "C" NOT NULL,
  invoice_id    text COLLATE "C",
  attempt_id    text COLLATE "C",
  channel_id    text COLLATE "C" NOT NULL DEFAULT '',       -- '': by hand
  source        text NOT NULL CHECK (source IN ('charge', 'link', 'bank_transfer', 'manual')),
  reference     text NOT NULL DEFAULT '',                  -- the provider's id, or what the operator typed
  instruction_key text COLLATE "C" NOT NULL DEFAULT '',
  currency      text COLLATE "C" NOT NULL,
  amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
  applied_minor bigint NOT NULL CHECK (applied_minor >= 0), -- the rest became the customer's credit
  fee_minor     bigint NOT NULL DEFAULT 0,
  refunded_minor bigint NOT NULL DEFAULT 0,
  disputed      boolean NOT NULL DEFAULT false,
  paid_at       timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT refunded_at_most_once CHECK (refunded_minor BETWEEN 0 AND amount_minor)
);
CREATE UNIQUE INDEX payment_attempt ON payments.payment (org_id, attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX payment_invoice ON payments.payment (org_id, invoice_id);
CREATE INDEX payment_customer ON payments.payment (org_id, customer_id, id);
CREATE INDEX payment_reference ON payments.payment (org_id, channel_id, reference);
SELECT storage.isolate('payments.payment');

CREATE TABLE payments.refund (
  org_id         bigint NOT NULL,
  id             text COLLATE "C" NOT NULL,
  payment_id     text COLLATE "C" NOT NULL,
  customer_id    text COLLATE "C" NOT NULL,
  credit_note_id text COLLATE "C",
  currency       text COLLATE "C" NOT NULL,
  amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
  reason         text NOT NULL,
  state          text NOT NULL CHECK (state IN ('pending', 'succeeded', 'failed', 'canceled')),
  message        text NOT NULL DEFAULT '',
  created_at     timestamptz NOT NULL,
  concluded_at   timestamptz,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX refund_payment ON payments.refund (org_id, payment_id);
SELECT storage.isolate('payments.refund');

-- One recovery of a subscription's debt. `due_at`: the next try; `grace_at`: when access is restricted.
CREATE TABLE payments.dunning_case (
  org_id          bigint NOT NULL,
  id              text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  customer_id     text COLLATE "C" NOT NULL,
  state           text NOT NULL CHECK (state IN ('open', 'recovered', 'exhausted', 'stopped')),
  policy          jsonb NOT NULL,
  tries           integer NOT NULL DEFAULT 0,
  refusal         text NOT NULL DEFAULT '',
  currency        text COLLATE "C" NOT NULL,
  recovered_minor bigint NOT NULL DEFAULT 0,
  restricted      boolean NOT NULL DEFAULT false,
  due_at          timestamptz,
  grace_at        timestamptz,
  started_at      timestamptz NOT NULL,
  ended_at        timestamptz,
  PRIMARY KEY (org_id, id),
  CONSTRAINT ended_is_not_due CHECK (state = 'open' OR (due_at IS NULL AND grace_at IS NULL))
);
CREATE UNIQUE INDEX dunning_case_one_open ON payments.dunning_case (org_id, subscription_id) WHERE state = 'open';
CREATE INDEX dunning_case_due ON payments.dunning_case (due_at, org_id) WHERE due_at IS NOT NULL;
CREATE INDEX dunning_case_org_due ON payments.dunning_case (org_id, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX dunning_case_grace ON payments.dunning_case (grace_at, org_id) WHERE grace_at IS NOT NULL;
CREATE INDEX dunning_case_org_grace ON payments.dunning_case (org_id, grace_at, id) WHERE grace_at IS NOT NULL;
SELECT storage.isolate('payments.dunning_case');
SELECT storage.schedule('payments.dunning_case', 'org_id, due_at, grace_at');

-- ----------------------------------------------------------------------------------------------- entitlements

-- What a subscription gives its customer: one row each, the level follows the state of the bill.
CREATE TABLE entitlements.access (
  org_id          bigint NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  customer_id     text COLLATE "C" NOT NULL,
  product_id      text COLLATE "C" NOT NULL,
  plan_id         text COLLATE "C" NOT NULL,
  level           text NOT NULL CHECK (level IN ('full', 'grace', 'read_only', 'none')),
  features        jsonb NOT NULL,
  suspended       boolean NOT NULL DEFAULT false,
  changed_at      timestamptz NOT NULL,
  PRIMARY KEY (org_id, subscription_id)
);
CREATE INDEX access_customer ON entitlements.access (org_id, customer_id);
SELECT storage.isolate('entitlements.access');

-- Access or a feature given by hand, until `due_at`.
CREATE TABLE entitlements.hand_grant (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  product_id  text COLLATE "C" NOT NULL DEFAULT '',         -- '': everything
  feature     text COLLATE "C" NOT NULL DEFAULT '',         -- '': the level
  value       jsonb,
  level       text CHECK (level IN ('full', 'grace', 'read_only', 'none')),
  reason      text NOT NULL CHECK (reason <> ''),
  actor       text NOT NULL,
  created_at  timestamptz NOT NULL,
  due_at      timestamptz,                                 -- its end; NULL once ended
  ended_at    timestamptz,
  PRIMARY KEY (org_id, id),
  CONSTRAINT level_or_feature CHECK ((feature = '') = (level IS NOT NULL))
);
CREATE INDEX hand_grant_customer ON entitlements.hand_grant (org_id, customer_id) WHERE ended_at IS NULL;
CREATE INDEX hand_grant_due ON entitlements.hand_grant (due_at, org_id) WHERE due_at IS NOT NULL;
CREATE INDEX hand_grant_org_due ON entitlements.hand_grant (org_id, due_at, id) WHERE due_at IS NOT NULL;
SELECT storage.isolate('entitlements.hand_grant');
SELECT storage.schedule('entitlements.hand_grant');
