-- People of a customer (B3): who joined uses what the customer may use (I6). An invitation holds its seat until it ends.
CREATE TABLE customers.member (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  external_id text COLLATE "C" NOT NULL DEFAULT '',        -- who it is in the organization's own application
  email       text NOT NULL,                               -- lower case
  name        text NOT NULL DEFAULT '',
  role        text NOT NULL CHECK (role IN ('admin', 'member')),
  state       text NOT NULL CHECK (state IN ('invited', 'joined', 'removed')),
  invited_at  timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  joined_at   timestamptz,
  removed_at  timestamptz,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, customer_id) REFERENCES customers.customer (org_id, id)
);
CREATE UNIQUE INDEX member_once ON customers.member (org_id, customer_id, email) WHERE state IN ('invited', 'joined');
CREATE UNIQUE INDEX member_identity ON customers.member (org_id, external_id, customer_id) WHERE state = 'joined' AND external_id <> '';
CREATE INDEX member_customer ON customers.member (org_id, customer_id, id);
SELECT storage.isolate('customers.member');
