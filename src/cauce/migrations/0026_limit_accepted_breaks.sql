-- The largest difference of a channel that two persons may accept without correcting it; NULL: any.
ALTER TABLE reconciliation.terms ADD COLUMN accept_max_minor bigint CHECK (accept_max_minor >= 0);
