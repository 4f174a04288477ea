-- Products are sorted into categories (A4), and a plan says whether its version came from a catalogue file (A6).
ALTER TABLE catalog.product ADD COLUMN category text NOT NULL DEFAULT '';
ALTER TABLE catalog.plan ADD COLUMN from_file boolean NOT NULL DEFAULT false;
-- `content` held the file's own words to compare with; now what is sold is compared, and `content` is the caller's.
UPDATE catalog.plan SET from_file = true, content = '{}' WHERE content ? 'prices';
COMMENT ON COLUMN catalog.plan.content IS 'what the maker keeps beside the plan';
