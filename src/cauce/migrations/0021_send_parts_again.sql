-- What came back of a part for a refund that failed, where the holder pools money: it lies in the order's escrow until it
-- is sent to its party again.
ALTER TABLE splits.allocation ADD COLUMN parked_minor bigint NOT NULL DEFAULT 0 CHECK (parked_minor >= 0);
ALTER TABLE splits.allocation ADD CONSTRAINT parked_at_most_kept CHECK (reversed_minor + parked_minor <= amount_minor) NOT VALID;

-- A split that brings such a part to its party again.
ALTER TABLE splits.split ADD COLUMN resends boolean NOT NULL DEFAULT false;
