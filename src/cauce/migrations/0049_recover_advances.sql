-- What of a party's part went to repay what the platform had advanced for his refunds (T16 recovered).
ALTER TABLE splits.allocation ADD COLUMN recovered_minor bigint NOT NULL DEFAULT 0 CHECK (recovered_minor >= 0);
