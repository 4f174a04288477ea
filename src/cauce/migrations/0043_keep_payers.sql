-- Who pays at the provider, where his browser comes back, its address, and until when he may: what a channel needs to open its page.
ALTER TABLE orders.collection ADD COLUMN payer jsonb;
