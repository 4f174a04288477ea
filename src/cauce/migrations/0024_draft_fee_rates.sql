-- A rate that one person put down; it counts (compliance.fee_rate) when another has approved it.
CREATE TABLE compliance.fee_rate_draft (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  channel_id  text COLLATE "C" NOT NULL,
  rate_bps    integer NOT NULL CHECK (rate_bps BETWEEN 0 AND 10000),
  contract    text NOT NULL CHECK (contract <> ''),
  agreed_by   text NOT NULL,
  agreed_at   timestamptz NOT NULL,
  approved_by text NOT NULL DEFAULT '',
  approved_at timestamptz,
  PRIMARY KEY (org_id, id),
  CONSTRAINT second_person CHECK (approved_by <> agreed_by)
);
SELECT storage.isolate('compliance.fee_rate_draft');
