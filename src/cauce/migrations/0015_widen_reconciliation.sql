-- Statements that are refused, lines that are not booked, proposals of matches, tolerances of a channel, pauses of a channel.

ALTER TABLE reconciliation.line ADD COLUMN status text NOT NULL DEFAULT 'booked'
  CONSTRAINT line_status CHECK (status IN ('booked', 'pending', 'failed'));
CREATE INDEX line_unbooked ON reconciliation.line (org_id, statement_id) WHERE status <> 'booked';
CREATE INDEX line_ref ON reconciliation.line (org_id, ref) WHERE ref <> '';

ALTER TABLE reconciliation.statement
  ADD COLUMN account_ref text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN opening_minor bigint,
  ADD COLUMN closing_minor bigint,
  ADD COLUMN map_version text NOT NULL DEFAULT '';            -- the column map that a file was read with
CREATE INDEX statement_account ON reconciliation.statement (org_id, channel_id, account_ref, day) WHERE account_ref <> '';

ALTER TABLE reconciliation.break ADD COLUMN proposal text NOT NULL DEFAULT ''; -- what it probably belongs to, for a person to confirm

-- How a channel's statements are judged. Amounts have no tolerance; fees may have one each.
CREATE TABLE reconciliation.terms (
  org_id         bigint NOT NULL,
  channel_id     text COLLATE "C" NOT NULL,
  fee_tolerances jsonb NOT NULL DEFAULT '{}',                  -- fee type -> minor units
  timing_days    integer NOT NULL DEFAULT 3 CHECK (timing_days BETWEEN 0 AND 30),
  csv_map        jsonb,                                         -- how CSV statements of this channel are read
  map_version    integer NOT NULL DEFAULT 0,
  PRIMARY KEY (org_id, channel_id)
);
SELECT storage.isolate('reconciliation.terms');

-- Why no payout of a channel goes out; one row a reason.
CREATE TABLE settlement.channel_pause (
  org_id     bigint NOT NULL,
  channel_id text COLLATE "C" NOT NULL,
  reason     text NOT NULL CHECK (reason IN ('transit_break', 'custody_mismatch', 'statement_missing', 'operator')),
  paused_at  timestamptz NOT NULL,
  paused_by  text NOT NULL,
  PRIMARY KEY (org_id, channel_id, reason)
);
SELECT storage.isolate('settlement.channel_pause', 'SELECT, INSERT, DELETE');
INSERT INTO settlement.channel_pause (org_id, channel_id, reason, paused_at, paused_by)
SELECT DISTINCT org_id, channel_id, pause_reason, clock_timestamp(), 'system' FROM settlement.standing WHERE pause_reason = 'custody_mismatch';
UPDATE settlement.standing SET pause_reason = '' WHERE pause_reason = 'custody_mismatch';
CREATE INDEX break_case ON reconciliation.break (org_id, case_id) WHERE case_id <> '';
