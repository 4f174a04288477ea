-- Collections of several sellers that their payer pays at once, where the channel takes one payment for many merchants.
ALTER TABLE orders.collection ADD COLUMN combined_id text COLLATE "C" NOT NULL DEFAULT '';
