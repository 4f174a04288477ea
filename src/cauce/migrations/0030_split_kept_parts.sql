-- What a rule keeps of an order is divided later, among those whom the order named when it was made.

-- A part of the platform's that was booked when the money was divided, without a split of its own.
ALTER TABLE splits.allocation ADD COLUMN brought boolean NOT NULL DEFAULT false;

-- Who may get something of an order of which a part is kept: its sellers, the parties it named, the platform's fee (K7).
CREATE TABLE orders.party (
  org_id   bigint NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  role     text COLLATE "C" NOT NULL CHECK (role <> ''),      -- by which name rules call him: party:seller, party:agent, fee
  party    text COLLATE "C" NOT NULL CHECK (party NOT IN ('', 'kept')),
  PRIMARY KEY (org_id, order_id, role, party),
  CONSTRAINT fee_is_the_platforms CHECK ((role = 'fee') = (party = 'fee'))
);
SELECT storage.isolate('orders.party', 'SELECT, INSERT');

-- What was kept and divided later, part by part, with who said so and why.
CREATE TABLE splits.kept_part (
  org_id        bigint NOT NULL,
  collection_id text COLLATE "C" NOT NULL,
  position      smallint NOT NULL,
  order_id      text COLLATE "C" NOT NULL,
  role          text COLLATE "C" NOT NULL,
  party         text COLLATE "C" NOT NULL,
  amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
  rule_id       text COLLATE "C" NOT NULL DEFAULT '',          -- the rule that divided it, '' where a person named the amounts
  rule_version  integer,
  reason        text NOT NULL DEFAULT '',
  divided_by    text NOT NULL CHECK (divided_by <> ''),
  divided_at    timestamptz NOT NULL,
  PRIMARY KEY (org_id, collection_id, position),
  FOREIGN KEY (org_id, order_id, role, party) REFERENCES orders.party (org_id, order_id, role, party)
);
CREATE INDEX kept_part_order ON splits.kept_part (org_id, order_id);
SELECT storage.isolate('splits.kept_part', 'SELECT, INSERT');
