-- Connected accounts have lists of their own: read once a day, and after an outage.
ALTER TABLE channels.listing ADD COLUMN accounts_read_to timestamptz;
UPDATE channels.listing SET accounts_read_to = read_to;
ALTER TABLE channels.listing ALTER COLUMN accounts_read_to SET NOT NULL;
