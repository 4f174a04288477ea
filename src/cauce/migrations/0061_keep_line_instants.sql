-- A part of a period that is counted by seconds begins at an instant, not with a day: lines and waiting lines keep it.
-- `rest_credited_at`: what the line billed for later days was given back then, and is not given back again.
ALTER TABLE invoicing.line ADD COLUMN starts_at timestamptz, ADD COLUMN rest_credited_at timestamptz;
ALTER TABLE invoicing.pending_line ADD COLUMN starts_at timestamptz;
