-- Introductory prices: a price may have phases, and an item remembers the day on which its phases began (A9).
ALTER TABLE catalog.price ADD COLUMN phases jsonb NOT NULL DEFAULT '[]';
ALTER TABLE subscriptions.item ADD COLUMN phases_from date;
