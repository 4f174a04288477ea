-- Quotes are listed by the step that made them, newest first.
CREATE INDEX history_quotes ON subscriptions.history (org_id, id) WHERE trigger = 'quote';
