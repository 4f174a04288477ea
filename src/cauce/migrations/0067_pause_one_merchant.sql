-- An operator stops the payouts of one merchant, at every channel and in every currency.
CREATE TABLE settlement.merchant_pause (
  org_id      bigint NOT NULL,
  merchant_id text COLLATE "C" NOT NULL,
  reason      text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),     -- in the operator's words
  paused_at   timestamptz NOT NULL,
  paused_by   text NOT NULL,
  PRIMARY KEY (org_id, merchant_id)
);
SELECT storage.isolate('settlement.merchant_pause', 'SELECT, INSERT, DELETE');
ALTER TABLE settlement.standing DROP COLUMN pause_reason;
