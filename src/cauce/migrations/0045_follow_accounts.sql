-- What the channel lets an account do, which bank it would pay to by itself, and bank accounts that it told of (K10, K18).
ALTER TABLE merchants.account
  ADD COLUMN pays_out boolean NOT NULL DEFAULT true,
  ADD COLUMN asked bigint NOT NULL DEFAULT 0,
  ADD COLUMN bank_refs jsonb;
ALTER TABLE merchants.instrument ADD COLUMN from_channel boolean NOT NULL DEFAULT false;
