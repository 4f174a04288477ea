-- Whose money it is, who holds it, when it may move: merchants, orders, splits, settlement, reconciliation, compliance.
-- No foreign keys on the hot tables (orders, lines, collections, allocations, statement lines): the flows lock the
-- rows that they refer to, and `cauce ledger verify` and the compliance checks prove it after the fact.

CREATE SCHEMA merchants;
CREATE SCHEMA orders;
CREATE SCHEMA splits;
CREATE SCHEMA settlement;
CREATE SCHEMA reconciliation;
CREATE SCHEMA compliance;
GRANT USAGE ON SCHEMA merchants, orders, splits, settlement, reconciliation, compliance TO cauce_app, cauce_scheduler, cauce_ledger;

-- Merchants ----------------------------------------------------------------------------------------------------

CREATE TABLE merchants.merchant (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  external_id text COLLATE "C" NOT NULL DEFAULT '',
  name        text NOT NULL CHECK (name <> ''),
  legal_form  text NOT NULL CHECK (legal_form IN ('enterprise', 'institution', 'sole_trader', 'other_organisation', 'natural_person')),
  trade_place text NOT NULL CHECK (trade_place IN ('physical', 'online', 'both')),
  country     text NOT NULL DEFAULT '',
  email       text NOT NULL DEFAULT '',
  state       text NOT NULL CHECK (state IN ('active', 'restricted', 'closed')),
  metadata    jsonb NOT NULL DEFAULT '{}',
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT persons_trade_online CHECK (legal_form <> 'natural_person' OR trade_place = 'online')
);
CREATE UNIQUE INDEX merchant_external ON merchants.merchant (org_id, external_id) WHERE external_id <> '';
CREATE INDEX merchant_name ON merchants.merchant (org_id, lower(name) text_pattern_ops, id);
SELECT storage.isolate('merchants.merchant');

-- One merchant at one channel. Money goes only to an active account with an agreement (K7, K10).
CREATE TABLE merchants.account (
  org_id        bigint NOT NULL,
  id            text COLLATE "C" NOT NULL,
  merchant_id   text COLLATE "C" NOT NULL,
  channel_id    text COLLATE "C" NOT NULL,
  ref           text COLLATE "C" NOT NULL DEFAULT '',
  kind          text NOT NULL CHECK (kind IN ('merchant', 'person')),
  state         text NOT NULL CHECK (state IN ('draft', 'submitted', 'verifying', 'action_required', 'active', 'restricted', 'closing', 'closed', 'rejected')),
  needs         text[] NOT NULL DEFAULT '{}',
  onboarding_url text NOT NULL DEFAULT '',
  shows_balance boolean NOT NULL DEFAULT true,        -- false: the provider does not show us this receiver's balance
  agreement     text NOT NULL DEFAULT '',             -- number of the acquiring or split agreement
  agreed_at     timestamptz,
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, merchant_id) REFERENCES merchants.merchant (org_id, id),
  CONSTRAINT active_is_known_and_agreed CHECK (state <> 'active' OR (ref <> '' AND agreed_at IS NOT NULL))
);
CREATE UNIQUE INDEX account_one_per_channel ON merchants.account (org_id, channel_id, merchant_id) WHERE state NOT IN ('closed', 'rejected');
CREATE UNIQUE INDEX account_ref ON merchants.account (org_id, channel_id, ref) WHERE ref <> '' AND state NOT IN ('closed', 'rejected');
SELECT storage.isolate('merchants.account');

-- A bank account of the same owner (K3). A changed one rests before it is used.
CREATE TABLE merchants.instrument (
  org_id         bigint NOT NULL,
  id             text COLLATE "C" NOT NULL,
  merchant_id    text COLLATE "C" NOT NULL,
  channel_id     text COLLATE "C" NOT NULL,
  ref            text COLLATE "C" NOT NULL DEFAULT '',
  holder_name    text NOT NULL CHECK (holder_name <> ''),
  last4          text NOT NULL DEFAULT '' CHECK (length(last4) <= 4),
  currency       text COLLATE "C" NOT NULL,
  ownership      text NOT NULL DEFAULT 'merchant' CHECK (ownership = 'merchant'),  -- never custody or platform (K3)
  state          text NOT NULL CHECK (state IN ('requested', 'challenge_sent', 'verified', 'default', 'detached', 'failed', 'expired', 'locked')),
  requested_by   text NOT NULL,
  approved_by    text NOT NULL DEFAULT '',
  usable_from    timestamptz,
  created_at     timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, merchant_id) REFERENCES merchants.merchant (org_id, id),
  CONSTRAINT two_persons CHECK (state <> 'default' OR (approved_by <> '' AND approved_by <> requested_by))  -- K18
);
CREATE UNIQUE INDEX instrument_owner ON merchants.instrument (org_id, id, merchant_id);
CREATE UNIQUE INDEX instrument_default ON merchants.instrument (org_id, merchant_id, channel_id, currency) WHERE state = 'default';
SELECT storage.isolate('merchants.instrument');

-- Orders -------------------------------------------------------------------------------------------------------

CREATE TABLE orders.purchase (
  org_id          bigint NOT NULL,
  id              text COLLATE "C" NOT NULL,
  external_id     text COLLATE "C" NOT NULL DEFAULT '',
  channel_id      text COLLATE "C" NOT NULL,
  currency        text COLLATE "C" NOT NULL,
  total_minor     bigint NOT NULL CHECK (total_minor >= 0),      -- what the lines say
  collected_minor bigint NOT NULL DEFAULT 0,                     -- what payers paid
  refunded_minor  bigint NOT NULL DEFAULT 0,
  state           text NOT NULL CHECK (state IN ('created', 'paid', 'releasing', 'released', 'canceled')),
  rule_id         text COLLATE "C" NOT NULL,
  rule_version    integer NOT NULL,
  release_on      text NOT NULL CHECK (release_on IN ('delivery', 'days', 'hand')),
  release_days    integer NOT NULL DEFAULT 0 CHECK (release_days BETWEEN 0 AND 3650),
  next_step       text CHECK (next_step IN ('collect', 'deliver', 'release', 'cancel')),
  due_at          timestamptz,                                   -- when next_step is due, org time
  placed_at       timestamptz NOT NULL,
  paid_at         timestamptz,
  deliver_at      timestamptz,                                   -- when delivery will be confirmed, if known beforehand
  cancel_at       timestamptz,
  delivered_at    timestamptz,
  canceled_at     timestamptz,
  released_at     timestamptz,
  body_hash       bytea NOT NULL,                                -- of the request, so that the same number with another body is refused
  metadata        jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (org_id, id),
  CONSTRAINT refunded_at_most_collected CHECK (refunded_minor BETWEEN 0 AND collected_minor),  -- K12
  CONSTRAINT due_means_a_step CHECK (due_at IS NULL OR next_step IS NOT NULL)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX purchase_external ON orders.purchase (org_id, external_id) WHERE external_id <> '';
CREATE INDEX purchase_due ON orders.purchase (due_at, org_id) WHERE due_at IS NOT NULL;
CREATE INDEX purchase_org_due ON orders.purchase (org_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX purchase_placed ON orders.purchase (org_id, placed_at, id);
CREATE INDEX purchase_paid ON orders.purchase (org_id, channel_id, paid_at) WHERE paid_at IS NOT NULL;
SELECT storage.isolate('orders.purchase');
SELECT storage.schedule('orders.purchase');

-- Every line names its seller and what it is (K21); what the platform sells itself is not for this half.
CREATE TABLE orders.line (
  org_id        bigint NOT NULL,
  order_id      text COLLATE "C" NOT NULL,
  line          smallint NOT NULL,
  seller_id     text COLLATE "C" NOT NULL CHECK (seller_id <> ''),
  sold_by       text NOT NULL DEFAULT 'merchant' CHECK (sold_by = 'merchant'),
  goods_kind    text NOT NULL CHECK (goods_kind IN ('physical', 'service', 'virtual')),
  price_minor   bigint NOT NULL CHECK (price_minor >= 0),
  freight_minor bigint NOT NULL DEFAULT 0 CHECK (freight_minor >= 0),
  description   text NOT NULL DEFAULT '',
  PRIMARY KEY (org_id, order_id, line)
);
CREATE INDEX line_seller ON orders.line (org_id, seller_id, order_id);
SELECT storage.isolate('orders.line', 'SELECT, INSERT');

-- Money that one payer pays for one order. Where it goes first is never the platform's own account (K1).
CREATE TABLE orders.collection (
  org_id             bigint NOT NULL,
  id                 text COLLATE "C" NOT NULL,               -- also the provider's key
  order_id           text COLLATE "C" NOT NULL,
  channel_id         text COLLATE "C" NOT NULL,
  owner_id           text COLLATE "C" NOT NULL DEFAULT '',    -- the order's own merchant, where the channel has one
  merchant_ref       text COLLATE "C" NOT NULL DEFAULT '',
  destination        text NOT NULL CHECK (destination IN ('custody', 'provider', 'sub_merchant')),
  method             text NOT NULL DEFAULT '',
  currency           text COLLATE "C" NOT NULL,
  amount_minor       bigint NOT NULL CHECK (amount_minor > 0),
  fee_minor          bigint NOT NULL DEFAULT 0 CHECK (fee_minor >= 0),
  escrow_minor       bigint NOT NULL DEFAULT 0 CHECK (escrow_minor >= 0),  -- K6: never more out than in
  released_minor     bigint NOT NULL DEFAULT 0 CHECK (released_minor >= 0),
  refunded_minor     bigint NOT NULL DEFAULT 0,
  fee_returned_minor bigint NOT NULL DEFAULT 0 CHECK (fee_returned_minor BETWEEN 0 AND fee_minor),
  ref                text COLLATE "C" NOT NULL DEFAULT '',
  state              text NOT NULL CHECK (state IN ('created', 'requires_action', 'pending', 'paid', 'cleared', 'partially_refunded', 'refunded', 'failed', 'expired', 'canceled')),
  next_action        jsonb,
  paid_at            timestamptz,
  freeze_ends_at     timestamptz,                             -- when the channel releases by itself
  due_at             timestamptz,                             -- next warning about that, org time
  created_at         timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  CONSTRAINT refunded_at_most_paid CHECK (refunded_minor BETWEEN 0 AND amount_minor),  -- K12
  CONSTRAINT conserved CHECK (escrow_minor + released_minor <= amount_minor)
) WITH (fillfactor = 80);
CREATE INDEX collection_order ON orders.collection (org_id, order_id);
CREATE INDEX collection_ref ON orders.collection (org_id, channel_id, ref) WHERE ref <> '';
CREATE INDEX collection_due ON orders.collection (due_at, org_id) WHERE due_at IS NOT NULL;
CREATE INDEX collection_org_due ON orders.collection (org_id, due_at) WHERE due_at IS NOT NULL;
SELECT storage.isolate('orders.collection');
SELECT storage.schedule('orders.collection');

CREATE TABLE orders.refund (
  org_id             bigint NOT NULL,
  id                 text COLLATE "C" NOT NULL,               -- also the provider's key of the first attempt
  order_id           text COLLATE "C" NOT NULL,
  collection_id      text COLLATE "C" NOT NULL,               -- the money goes back to its payer alone (K12)
  external_id        text COLLATE "C" NOT NULL,               -- the merchant's own refund number
  amount_minor       bigint NOT NULL CHECK (amount_minor > 0),
  reason             text NOT NULL DEFAULT '',
  policy             text NOT NULL,
  state              text NOT NULL CHECK (state IN ('requested', 'approved', 'reversing_splits', 'funding', 'submitted', 'processing', 'succeeded', 'failed', 'unknown', 'canceled')),
  attempt_key        text COLLATE "C" NOT NULL,
  taken              jsonb NOT NULL DEFAULT '{}',             -- party -> minor units, {"escrow": …} for unsplit money
  open_reversals     integer NOT NULL DEFAULT 0,
  fee_expected_minor bigint NOT NULL DEFAULT 0,
  requested_by       text NOT NULL DEFAULT 'system',
  created_at         timestamptz NOT NULL,
  finished_at        timestamptz,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX refund_identity ON orders.refund (org_id, collection_id, external_id);
CREATE UNIQUE INDEX refund_attempt ON orders.refund (org_id, attempt_key);
CREATE INDEX refund_order ON orders.refund (org_id, order_id);
SELECT storage.isolate('orders.refund');

-- Files of orders taken in: how far each has come, so that a killed import goes on.
CREATE TABLE orders.import (
  org_id     bigint NOT NULL,
  id         text COLLATE "C" NOT NULL,
  source     text NOT NULL,                                   -- hash over the files and their column map
  read_rows  bigint NOT NULL DEFAULT 0,
  accepted   bigint NOT NULL DEFAULT 0,
  refused    bigint NOT NULL DEFAULT 0,
  done_at    timestamptz,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX import_source ON orders.import (org_id, source);
SELECT storage.isolate('orders.import');

CREATE TABLE orders.refused (
  org_id      bigint NOT NULL,
  import_id   text COLLATE "C" NOT NULL,
  external_id text COLLATE "C" NOT NULL,
  code        text NOT NULL,
  message     text NOT NULL,
  PRIMARY KEY (org_id, import_id, external_id)
);
SELECT storage.isolate('orders.refused', 'SELECT, INSERT');

-- Splits -------------------------------------------------------------------------------------------------------

CREATE TABLE splits.rule (
  org_id       bigint NOT NULL,
  id           text COLLATE "C" NOT NULL,
  version      integer NOT NULL CHECK (version > 0),
  name         text NOT NULL,
  content      jsonb NOT NULL,
  state        text NOT NULL CHECK (state IN ('draft', 'active', 'superseded')),
  created_by   text NOT NULL,
  activated_by text NOT NULL DEFAULT '',
  created_at   timestamptz NOT NULL,
  PRIMARY KEY (org_id, id, version)
);
CREATE UNIQUE INDEX rule_one_active ON splits.rule (org_id, id) WHERE state = 'active';
SELECT storage.isolate('splits.rule');

-- The parts of one collection, as planned when the order was made. `fee` is the platform's own typed part.
CREATE TABLE splits.allocation (
  org_id         bigint NOT NULL,
  collection_id  text COLLATE "C" NOT NULL,
  position       smallint NOT NULL,
  order_id       text COLLATE "C" NOT NULL,
  party          text COLLATE "C" NOT NULL CHECK (party <> ''),  -- 'fee' or a merchant
  amount_minor   bigint NOT NULL CHECK (amount_minor >= 0),
  reversed_minor bigint NOT NULL DEFAULT 0,
  is_rest        boolean NOT NULL DEFAULT false,                 -- takes what the provider's fee leaves
  closed         boolean NOT NULL DEFAULT false,                 -- the provider refused it: the owner keeps the money
  PRIMARY KEY (org_id, collection_id, position),
  CONSTRAINT reversed_at_most_given CHECK (reversed_minor BETWEEN 0 AND amount_minor)
) WITH (fillfactor = 90);
CREATE INDEX allocation_order ON splits.allocation (org_id, order_id);
SELECT storage.isolate('splits.allocation');

-- One request to the channel: allocations first_position..last_position of its collection.
CREATE TABLE splits.split (
  org_id         bigint NOT NULL,
  id             text COLLATE "C" NOT NULL,                   -- also the provider's key
  order_id       text COLLATE "C" NOT NULL,
  collection_id  text COLLATE "C" NOT NULL,
  channel_id     text COLLATE "C" NOT NULL,
  currency       text COLLATE "C" NOT NULL,
  first_position smallint NOT NULL,
  last_position  smallint NOT NULL,
  sent_minor     bigint NOT NULL CHECK (sent_minor >= 0),
  fee_minor      bigint NOT NULL DEFAULT 0 CHECK (fee_minor >= 0),      -- stays on the platform's side when it is done
  owner_minor    bigint NOT NULL DEFAULT 0 CHECK (owner_minor >= 0),    -- what is left for the order's own merchant
  finishes       boolean NOT NULL,                                      -- the channel ends the order with it
  owner_id       text COLLATE "C" NOT NULL DEFAULT '',
  state          text NOT NULL CHECK (state IN ('planned', 'submitted', 'processing', 'applied', 'partially_applied', 'failed', 'unknown', 'partially_reversed', 'reversed')),
  ref            text COLLATE "C" NOT NULL DEFAULT '',
  created_at     timestamptz NOT NULL,
  applied_at     timestamptz,
  PRIMARY KEY (org_id, id)
) WITH (fillfactor = 80);
CREATE INDEX split_collection ON splits.split (org_id, collection_id);
CREATE INDEX split_order ON splits.split (org_id, order_id);
SELECT storage.isolate('splits.split');

CREATE TABLE splits.reversal (
  org_id        bigint NOT NULL,
  id            text COLLATE "C" NOT NULL,                    -- also the provider's key
  order_id      text COLLATE "C" NOT NULL,
  collection_id text COLLATE "C" NOT NULL,
  position      smallint NOT NULL,
  split_id      text COLLATE "C" NOT NULL,
  refund_id     text COLLATE "C" NOT NULL DEFAULT '',
  party         text COLLATE "C" NOT NULL,
  amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
  state         text NOT NULL CHECK (state IN ('submitted', 'applied', 'failed')),
  ref           text COLLATE "C" NOT NULL DEFAULT '',
  created_at    timestamptz NOT NULL,
  finished_at   timestamptz,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX reversal_refund ON splits.reversal (org_id, refund_id) WHERE refund_id <> '';
CREATE INDEX reversal_collection ON splits.reversal (org_id, collection_id);
SELECT storage.isolate('splits.reversal');

-- Settlement ---------------------------------------------------------------------------------------------------

CREATE TABLE settlement.schedule (
  org_id     bigint NOT NULL,
  id         text COLLATE "C" NOT NULL,
  name       text NOT NULL,
  content    jsonb NOT NULL,
  is_default boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX schedule_default ON settlement.schedule (org_id) WHERE is_default;
SELECT storage.isolate('settlement.schedule');

-- One merchant's money at one channel in one currency: when it is settled next.
CREATE TABLE settlement.standing (
  org_id       bigint NOT NULL,
  merchant_id  text COLLATE "C" NOT NULL,
  channel_id   text COLLATE "C" NOT NULL,
  currency     text COLLATE "C" NOT NULL,
  schedule_id  text COLLATE "C" NOT NULL DEFAULT '',           -- '': the organization's default
  pause_reason text NOT NULL DEFAULT '' CHECK (pause_reason IN ('', 'transit_break', 'custody_mismatch', 'instrument_cool_off', 'account_restricted', 'statement_missing', 'operator')),
  due_at       timestamptz,
  last_run_at  timestamptz,
  key          text COLLATE "C" NOT NULL GENERATED ALWAYS AS (merchant_id || '|' || channel_id || '|' || currency) STORED,
  PRIMARY KEY (org_id, merchant_id, channel_id, currency)
) WITH (fillfactor = 70);
CREATE INDEX standing_due ON settlement.standing (due_at, org_id) WHERE due_at IS NOT NULL;
CREATE INDEX standing_org_due ON settlement.standing (org_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX standing_key ON settlement.standing (org_id, key);
SELECT storage.isolate('settlement.standing');
SELECT storage.schedule('settlement.standing');

CREATE TABLE settlement.batch (
  org_id         bigint NOT NULL,
  id             text COLLATE "C" NOT NULL,
  merchant_id    text COLLATE "C" NOT NULL,
  channel_id     text COLLATE "C" NOT NULL,
  currency       text COLLATE "C" NOT NULL,
  runs_on        date NOT NULL,                                 -- idempotent per merchant, channel, currency and day
  from_at        timestamptz,                                   -- the last batch's end
  until_at       timestamptz NOT NULL,
  balance_minor  bigint NOT NULL,                               -- withdrawable when it was closed
  retained_minor bigint NOT NULL DEFAULT 0,
  payout_minor   bigint NOT NULL DEFAULT 0 CHECK (payout_minor BETWEEN 0 AND balance_minor),
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX batch_day ON settlement.batch (org_id, merchant_id, channel_id, currency, runs_on);
SELECT storage.isolate('settlement.batch', 'SELECT, INSERT');

CREATE TABLE settlement.payout (
  org_id        bigint NOT NULL,
  id            text COLLATE "C" NOT NULL,                     -- also the provider's key
  batch_id      text COLLATE "C" NOT NULL DEFAULT '',
  merchant_id   text COLLATE "C" NOT NULL,
  channel_id    text COLLATE "C" NOT NULL,
  currency      text COLLATE "C" NOT NULL,
  instrument_id text COLLATE "C",                              -- NULL: the provider settles to the merchant's own account
  account_ref   text COLLATE "C" NOT NULL,
  instrument_ref text COLLATE "C" NOT NULL DEFAULT '',
  amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
  fee_minor     bigint NOT NULL DEFAULT 0 CHECK (fee_minor >= 0),
  state         text NOT NULL CHECK (state IN ('requested', 'approved', 'funds_reserved', 'submitted', 'processing', 'paid', 'returned', 'failed', 'unknown', 'canceled')),
  needs_approval boolean NOT NULL,
  requested_by  text NOT NULL,
  approved_by   text NOT NULL DEFAULT '',
  ref           text COLLATE "C" NOT NULL DEFAULT '',
  failure       text NOT NULL DEFAULT '',
  requested_at  timestamptz NOT NULL,
  submitted_at  timestamptz,
  paid_at       timestamptz,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, instrument_id, merchant_id) REFERENCES merchants.instrument (org_id, id, merchant_id),  -- K3
  CONSTRAINT second_person CHECK (approved_by <> requested_by),                                                -- K18
  CONSTRAINT approved_before_sent CHECK (NOT needs_approval OR approved_by <> '' OR state IN ('requested', 'canceled'))
);
CREATE INDEX payout_merchant ON settlement.payout (org_id, merchant_id, id);
CREATE INDEX payout_state ON settlement.payout (org_id, state, id);
CREATE INDEX payout_ref ON settlement.payout (org_id, channel_id, ref) WHERE ref <> '';
SELECT storage.isolate('settlement.payout');

-- Reconciliation -----------------------------------------------------------------------------------------------

CREATE TABLE reconciliation.statement (
  org_id       bigint NOT NULL,
  id           bigint GENERATED ALWAYS AS IDENTITY,
  public_id    text COLLATE "C" NOT NULL,
  channel_id   text COLLATE "C" NOT NULL,
  kind         text COLLATE "C" NOT NULL,
  day          date NOT NULL,
  content_hash bytea,
  lines        bigint NOT NULL DEFAULT 0,
  state        text NOT NULL CHECK (state IN ('fetching', 'parsed', 'matched', 'balanced', 'breaks_open', 'closed')),
  imported_at  timestamptz NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX statement_day ON reconciliation.statement (org_id, channel_id, kind, day);
SELECT storage.isolate('reconciliation.statement');

-- One row of a provider's file, once however often it arrives.
CREATE TABLE reconciliation.line (
  org_id       bigint NOT NULL,
  statement_id bigint NOT NULL,
  row_key      text COLLATE "C" NOT NULL,
  kind         text COLLATE "C" NOT NULL,
  key          text COLLATE "C" NOT NULL,                      -- our key, where the file carries it or the flow found it
  ref          text COLLATE "C" NOT NULL,
  order_ref    text COLLATE "C" NOT NULL,
  account_ref  text COLLATE "C" NOT NULL,
  amount_minor bigint NOT NULL,
  fee_minor    bigint NOT NULL,
  currency     text COLLATE "C" NOT NULL,
  occurred_at  timestamptz NOT NULL,
  state        text NOT NULL,
  PRIMARY KEY (org_id, statement_id, row_key)
);
CREATE INDEX line_key ON reconciliation.line (org_id, key) WHERE key <> '';
SELECT storage.isolate('reconciliation.line', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE reconciliation.run (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  channel_id  text COLLATE "C" NOT NULL,
  from_at     timestamptz NOT NULL,
  until_at    timestamptz NOT NULL,
  from_id     bigint NOT NULL,                                  -- journals behind this one, up to until_id, were compared
  until_id    bigint NOT NULL,
  lines       bigint NOT NULL DEFAULT 0,
  ours        bigint NOT NULL DEFAULT 0,
  matched     bigint NOT NULL DEFAULT 0,
  breaks      bigint NOT NULL DEFAULT 0,
  custody_difference_minor bigint,
  state       text NOT NULL CHECK (state IN ('fetching', 'parsed', 'matched', 'balanced', 'breaks_open', 'closed')),
  started_at  timestamptz NOT NULL,
  closed_at   timestamptz,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX run_order ON reconciliation.run (org_id, channel_id, until_id);
SELECT storage.isolate('reconciliation.run');

-- A difference; once per identity, however often it is found.
CREATE TABLE reconciliation.break (
  org_id       bigint NOT NULL,
  id           text COLLATE "C" NOT NULL,
  run_id       text COLLATE "C" NOT NULL,
  channel_id   text COLLATE "C" NOT NULL,
  type         text NOT NULL CHECK (type IN ('missing_here', 'missing_there', 'amount', 'status', 'timing', 'duplicate', 'balance', 'balance_gap', 'count', 'fee', 'unknown_reference', 'unknown_debit', 'status_conflict')),
  kind         text NOT NULL,                                  -- what both sides should agree on: collection, refund, …
  key          text COLLATE "C" NOT NULL,                      -- our key, the provider's where we have none
  order_id     text COLLATE "C" NOT NULL DEFAULT '',
  currency     text COLLATE "C" NOT NULL,
  ours_minor   bigint,
  theirs_minor bigint,
  amount_minor bigint NOT NULL,                                -- theirs - ours
  severity     text NOT NULL CHECK (severity IN ('critical', 'high', 'normal')),
  state        text NOT NULL CHECK (state IN ('open', 'assigned', 'explained', 'corrected', 'accepted', 'closed')),
  case_id      text COLLATE "C" NOT NULL DEFAULT '',
  due_at       timestamptz,
  resolution   text NOT NULL DEFAULT '',
  evidence     text NOT NULL DEFAULT '',
  resolved_by  text NOT NULL DEFAULT '',
  approved_by  text NOT NULL DEFAULT '',
  found_at     timestamptz NOT NULL,
  resolved_at  timestamptz,
  PRIMARY KEY (org_id, id),
  CONSTRAINT money_takes_two CHECK (state NOT IN ('corrected', 'accepted') OR (approved_by <> '' AND approved_by <> resolved_by))
);
CREATE UNIQUE INDEX break_identity ON reconciliation.break (org_id, channel_id, kind, key, type);
CREATE INDEX break_open ON reconciliation.break (org_id, id) WHERE state IN ('open', 'assigned');
CREATE INDEX break_order ON reconciliation.break (org_id, order_id) WHERE order_id <> '';
SELECT storage.isolate('reconciliation.break');

CREATE TABLE reconciliation."case" (
  org_id    bigint NOT NULL,
  id        text COLLATE "C" NOT NULL,
  cause     text NOT NULL,
  owner     text NOT NULL DEFAULT '',
  severity  text NOT NULL CHECK (severity IN ('critical', 'high', 'normal')),
  due_at    timestamptz,
  opened_at timestamptz NOT NULL,
  closed_at timestamptz,
  PRIMARY KEY (org_id, id)
);
SELECT storage.isolate('reconciliation.case');

-- Compliance ---------------------------------------------------------------------------------------------------

-- The licence of whoever holds the money behind a channel (K16).
CREATE TABLE compliance.licence (
  org_id         bigint NOT NULL,
  id             text COLLATE "C" NOT NULL,
  channel_id     text COLLATE "C" NOT NULL,
  holder         text NOT NULL CHECK (holder <> ''),
  provider_class text NOT NULL CHECK (provider_class IN ('bank', 'licensed_psp', 'card_scheme_psp')),
  kind           text NOT NULL,
  number         text NOT NULL CHECK (number <> ''),
  authority      text NOT NULL,
  clearing_route text NOT NULL,
  scopes         text[] NOT NULL DEFAULT '{}',
  valid_from     date NOT NULL,
  valid_until    date NOT NULL CHECK (valid_until >= valid_from),
  document       text NOT NULL DEFAULT '',
  due_at         timestamptz,                                  -- the next notice before it ends
  created_at     timestamptz NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX licence_channel ON compliance.licence (org_id, channel_id, valid_until);
CREATE INDEX licence_due ON compliance.licence (due_at, org_id) WHERE due_at IS NOT NULL;
SELECT storage.isolate('compliance.licence');
SELECT storage.schedule('compliance.licence');

-- The signed self-check that opens the gate for a live organization (K22).
CREATE TABLE compliance.self_check (
  org_id    bigint NOT NULL,
  id        text COLLATE "C" NOT NULL,
  answers   jsonb NOT NULL,
  signed_by text NOT NULL CHECK (signed_by <> ''),
  signed_at timestamptz NOT NULL,
  valid_until timestamptz NOT NULL,
  channels  text[] NOT NULL,                                   -- the channels it was signed for; another one shuts the gate
  PRIMARY KEY (org_id, id)
);
SELECT storage.isolate('compliance.self_check', 'SELECT, INSERT');
