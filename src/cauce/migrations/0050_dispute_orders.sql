-- What payers contest at their banks: the provider takes the money at once, and it comes back if the dispute is won.
CREATE TABLE orders.dispute (
  org_id        bigint NOT NULL,
  id            text COLLATE "C" NOT NULL,
  channel_id    text COLLATE "C" NOT NULL,
  ref           text COLLATE "C" NOT NULL,                    -- the provider's number
  order_id      text COLLATE "C" NOT NULL,
  collection_id text COLLATE "C" NOT NULL,
  currency      text COLLATE "C" NOT NULL,
  amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
  fee_minor     bigint NOT NULL DEFAULT 0 CHECK (fee_minor >= 0),
  reason        text NOT NULL DEFAULT '',
  state         text NOT NULL CHECK (state IN ('open', 'won', 'lost', 'closed')),
  refund_id     text COLLATE "C" NOT NULL DEFAULT '',         -- what books it, once it could be asked of the parties
  respond_by    timestamptz,
  opened_at     timestamptz NOT NULL,
  withdrawn_at  timestamptz,                                  -- when the provider took the money
  reinstated_at timestamptz,                                  -- when it gave it back
  booked_back   boolean NOT NULL DEFAULT false,
  ended_at      timestamptz,
  PRIMARY KEY (org_id, id),
  CONSTRAINT given_back_what_was_taken CHECK (NOT booked_back OR refund_id <> '')
);
CREATE UNIQUE INDEX dispute_ref ON orders.dispute (org_id, channel_id, ref);
CREATE INDEX dispute_order ON orders.dispute (org_id, order_id);
SELECT storage.isolate('orders.dispute');
