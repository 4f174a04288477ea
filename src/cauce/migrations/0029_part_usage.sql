-- Usage: events lie in months and are still counted once over all of them; events correct each other; days that change after they
-- were billed are remembered until the next invoice; meters of a level over time.

ALTER TABLE usage.meter DROP CONSTRAINT meter_aggregation_check;
ALTER TABLE usage.meter ADD CONSTRAINT meter_aggregation_check
  CHECK (aggregation IN ('count', 'sum', 'max', 'unique', 'latest', 'weighted')) NOT VALID;

-- Which events are known, for ever and over all months, and where each lies.
CREATE TABLE usage.event_key (
  org_id          bigint NOT NULL,
  source          text COLLATE "C" NOT NULL,
  event_id        text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  meter_key       text COLLATE "C" NOT NULL,
  day             date NOT NULL,
  PRIMARY KEY (org_id, source, event_id)
);
SELECT storage.isolate('usage.event_key', 'SELECT, INSERT');

-- An event that another one corrected counts no more; each is corrected once.
CREATE TABLE usage.correction (
  org_id      bigint NOT NULL,
  source      text COLLATE "C" NOT NULL,
  event_id    text COLLATE "C" NOT NULL,
  by_event_id text COLLATE "C" NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, source, event_id)
);
SELECT storage.isolate('usage.correction', 'SELECT, INSERT');

-- Days whose use changed after they may have been billed: rated again with the subscription's next invoice.
CREATE TABLE usage.late (
  org_id          bigint NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  meter_key       text COLLATE "C" NOT NULL,
  day             date NOT NULL,
  recorded_on     date NOT NULL,
  PRIMARY KEY (org_id, subscription_id, meter_key, day)
);
SELECT storage.isolate('usage.late');

ALTER TABLE usage.event RENAME TO event_unparted;
ALTER INDEX usage.event_pkey RENAME TO event_unparted_pkey;
ALTER TABLE usage.event_unparted NO FORCE ROW LEVEL SECURITY;

CREATE TABLE usage.event (
  org_id          bigint NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,               -- '': nobody was to be billed for it
  meter_key       text COLLATE "C" NOT NULL,
  day             date NOT NULL,                           -- in the subscription's zone
  source          text COLLATE "C" NOT NULL,
  event_id        text COLLATE "C" NOT NULL,
  customer_id     text COLLATE "C" NOT NULL,
  value           numeric NOT NULL,
  unique_value    text COLLATE "C" NOT NULL DEFAULT '',
  occurred_at     timestamptz NOT NULL,
  recorded_at     timestamptz NOT NULL,
  PRIMARY KEY (org_id, subscription_id, meter_key, day, source, event_id)
) PARTITION BY RANGE (day);
SELECT storage.isolate('usage.event', 'SELECT, INSERT');

-- Where the days lie that no month was made for. Months have no rights of their own: everybody goes through the whole.
CREATE TABLE usage.event_rest PARTITION OF usage.event DEFAULT;

INSERT INTO usage.event (org_id, subscription_id, meter_key, day, source, event_id, customer_id, value, unique_value, occurred_at, recorded_at)
SELECT org_id, coalesce(subscription_id, ''), meter_key, day, source, event_id, customer_id, value, unique_value, occurred_at, recorded_at
  FROM usage.event_unparted;
INSERT INTO usage.event_key (org_id, source, event_id, subscription_id, meter_key, day)
SELECT org_id, source, event_id, coalesce(subscription_id, ''), meter_key, day FROM usage.event_unparted;
DROP TABLE usage.event_unparted;
SELECT storage.isolate('usage.event_rest', 'SELECT');

-- Make the month of a day and move into it what lies in the rest; false when it is there. For the owner.
CREATE FUNCTION usage.make_month(p_day date) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_month date := date_trunc('month', p_day)::date;
  v_next  date := (date_trunc('month', p_day) + interval '1 month')::date;
  v_name  text := 'event_' || to_char(p_day, 'YYYY_MM');
BEGIN
  PERFORM pg_advisory_xact_lock(1430929735);
  IF to_regclass('usage.' || v_name) IS NOT NULL THEN
    RETURN false;
  END IF;
  LOCK TABLE usage.event_rest IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('CREATE TABLE usage.%I (LIKE usage.event INCLUDING ALL)', v_name);
  ALTER TABLE usage.event_rest NO FORCE ROW LEVEL SECURITY;
  EXECUTE format('INSERT INTO usage.%I SELECT * FROM usage.event_rest WHERE day >= %L AND day < %L', v_name, v_month, v_next);
  DELETE FROM usage.event_rest WHERE day >= v_month AND day < v_next;
  ALTER TABLE usage.event_rest FORCE ROW LEVEL SECURITY;
  EXECUTE format('ALTER TABLE usage.event ATTACH PARTITION usage.%I FOR VALUES FROM (%L) TO (%L)', v_name, v_month, v_next);
  PERFORM storage.isolate(format('usage.%I', v_name)::regclass, 'SELECT');
  RETURN true;
END $$;
REVOKE ALL ON FUNCTION usage.make_month(date) FROM PUBLIC;

-- What was billed for the use of a meter, found by its subscription.
CREATE INDEX line_usage ON invoicing.line (org_id, subscription_id, period_end) WHERE kind IN ('usage', 'minimum');
