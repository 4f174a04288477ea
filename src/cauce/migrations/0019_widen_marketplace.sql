-- What the bearer of the provider's fee lost of his part when the order was divided, so that a split that the channel
-- refused whole leaves the parts as they were planned.
ALTER TABLE splits.allocation ADD COLUMN fee_borne_minor bigint NOT NULL DEFAULT 0 CHECK (fee_borne_minor >= 0);

-- By which name the rule calls the party ("party:agent"), as refund policies do.
ALTER TABLE splits.allocation ADD COLUMN role text COLLATE "C" NOT NULL DEFAULT '';

-- A person signs the self-check, never a key or a script (K22).
ALTER TABLE compliance.self_check ADD CONSTRAINT signed_by_a_person CHECK (signed_by LIKE 'person:%') NOT VALID;

-- What the platform may take of an order at a channel by its contract; the newest that is valid counts (K8, K18).
CREATE TABLE compliance.fee_rate (
  org_id      bigint NOT NULL,
  channel_id  text COLLATE "C" NOT NULL,
  valid_from  timestamptz NOT NULL,
  rate_bps    integer NOT NULL CHECK (rate_bps BETWEEN 0 AND 10000),
  contract    text NOT NULL CHECK (contract <> ''),
  agreed_by   text NOT NULL,
  approved_by text NOT NULL,
  PRIMARY KEY (org_id, channel_id, valid_from),
  CONSTRAINT second_person CHECK (approved_by <> '' AND approved_by <> agreed_by)
);
SELECT storage.isolate('compliance.fee_rate', 'SELECT, INSERT');

-- Money that is not an order's: members' own, the platform's subsidies, advances and fee sweeps (T14–T16, T22, T23).
CREATE TABLE settlement.funding (
  org_id       bigint NOT NULL,
  id           text COLLATE "C" NOT NULL,                       -- also the provider's key
  kind         text NOT NULL CHECK (kind IN ('top_up', 'undo_top_up', 'subsidy', 'advance', 'recover_advance', 'fee_sweep')),
  channel_id   text COLLATE "C" NOT NULL,
  currency     text COLLATE "C" NOT NULL,
  merchant_id  text COLLATE "C" NOT NULL DEFAULT '',
  order_id     text COLLATE "C" NOT NULL DEFAULT '',
  parent_id    text COLLATE "C" NOT NULL DEFAULT '',            -- the top-up that is undone, the advance that is recovered
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  spent_minor  bigint NOT NULL DEFAULT 0,                       -- of a top-up what was undone, of an advance what was recovered
  state        text NOT NULL CHECK (state IN ('requested', 'submitted', 'processing', 'paid', 'failed', 'canceled')),
  requested_by text NOT NULL,
  approved_by  text NOT NULL DEFAULT '',
  ref          text COLLATE "C" NOT NULL DEFAULT '',
  failure      text NOT NULL DEFAULT '',
  requested_at timestamptz NOT NULL,
  paid_at      timestamptz,
  PRIMARY KEY (org_id, id),
  CONSTRAINT spent_at_most_paid CHECK (spent_minor BETWEEN 0 AND amount_minor),
  CONSTRAINT members_have_a_merchant CHECK (kind NOT IN ('top_up', 'undo_top_up', 'advance', 'recover_advance') OR merchant_id <> ''),
  -- The platform's own money moves with two persons (K18).
  CONSTRAINT two_persons CHECK (kind NOT IN ('subsidy', 'advance') OR state IN ('requested', 'canceled')
                                OR (approved_by <> '' AND approved_by <> requested_by))
) WITH (fillfactor = 80);
CREATE INDEX funding_merchant ON settlement.funding (org_id, merchant_id, id) WHERE merchant_id <> '';
CREATE INDEX funding_advances ON settlement.funding (org_id, channel_id, currency, merchant_id)
  WHERE kind = 'advance' AND state = 'paid' AND spent_minor < amount_minor;
SELECT storage.isolate('settlement.funding');

-- A payment from a member's own balance names the member (T24); its refunds go back there alone (T25, K12).
ALTER TABLE orders.collection ADD COLUMN payer_id text COLLATE "C" NOT NULL DEFAULT '';
