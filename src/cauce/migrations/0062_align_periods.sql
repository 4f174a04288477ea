-- Where a subscription's full periods begin, when its own anchor does not say it: '' (anniversary), 'calendar', or a weekday 1 to 7.
ALTER TABLE subscriptions.subscription ADD COLUMN alignment text COLLATE "C" NOT NULL DEFAULT ''
  CHECK (alignment IN ('', 'calendar', '1', '2', '3', '4', '5', '6', '7'));
