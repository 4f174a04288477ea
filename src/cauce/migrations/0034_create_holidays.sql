-- Days on which a market's banks are closed, or open although it is a weekend, for schedules that count business days.
CREATE TABLE settlement.holiday (
  org_id bigint NOT NULL,
  market text COLLATE "C" NOT NULL,                            -- as a schedule's `calendar` names it; '' for those that name none
  day    date NOT NULL,
  works  boolean NOT NULL DEFAULT false,                       -- a working day whatever the weekday
  name   text NOT NULL DEFAULT '',
  PRIMARY KEY (org_id, market, day)
);
SELECT storage.isolate('settlement.holiday');
