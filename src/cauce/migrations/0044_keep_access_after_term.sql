-- A contract that is complete and keeps what it gave: a purchase made once, or what its plan says (T42).
ALTER TABLE subscriptions.subscription ADD COLUMN access_kept boolean NOT NULL DEFAULT false;
ALTER TABLE subscriptions.subscription ADD CONSTRAINT kept_when_complete CHECK (NOT access_kept OR status = 'expired');
