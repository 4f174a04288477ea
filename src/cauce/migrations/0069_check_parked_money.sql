-- Up to which collection the provider was asked last what it still holds of each (K4, order by order).
ALTER TABLE reconciliation.daily ADD COLUMN parked_after text COLLATE "C" NOT NULL DEFAULT '';
