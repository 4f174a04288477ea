-- A second person activates a split rule (K18); the flow says so too.
ALTER TABLE splits.rule ADD CONSTRAINT two_persons CHECK (state = 'draft' OR (activated_by <> '' AND activated_by <> created_by)) NOT VALID;
