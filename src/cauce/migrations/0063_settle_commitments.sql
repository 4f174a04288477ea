-- A pending line of a price with a least or most amount is settled after the percentages of its own period: none comes off again.
ALTER TABLE invoicing.pending_line ADD COLUMN net_of_percent boolean NOT NULL DEFAULT false;
