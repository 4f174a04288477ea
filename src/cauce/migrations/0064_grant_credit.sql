-- Credit that plans grant with every period: it pays metered use, the soonest to lapse first, and its rest lapses.
CREATE TABLE customers.wallet (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  currency    text COLLATE "C" NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, customer_id, currency),
  FOREIGN KEY (org_id, customer_id) REFERENCES customers.customer (org_id, id)
);
SELECT storage.isolate('customers.wallet', 'SELECT, INSERT');

CREATE TABLE customers.credit_grant (
  org_id          bigint NOT NULL,
  id              text COLLATE "C" NOT NULL,
  wallet_id       text COLLATE "C" NOT NULL,
  customer_id     text COLLATE "C" NOT NULL,
  currency        text COLLATE "C" NOT NULL,
  subscription_id text COLLATE "C" NOT NULL,
  source          text COLLATE "C" NOT NULL,               -- the invoice or the change that it came with: each grants once
  plan            text COLLATE "C" NOT NULL,
  period_start    date NOT NULL,
  period_end      date NOT NULL,
  amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
  left_minor      bigint NOT NULL CHECK (left_minor >= 0),
  used_minor      bigint NOT NULL DEFAULT 0 CHECK (used_minor >= 0),
  lapsed_minor    bigint NOT NULL DEFAULT 0 CHECK (lapsed_minor >= 0),
  lapse           text NOT NULL DEFAULT '' CHECK (lapse IN ('', 'expired', 'taken_back')),
  granted_at      timestamptz NOT NULL,
  expires_at      timestamptz,
  due_at          timestamptz,                              -- when its rest lapses
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, source),
  FOREIGN KEY (org_id, wallet_id) REFERENCES customers.wallet (org_id, id),
  CONSTRAINT all_of_it_is_somewhere CHECK (amount_minor = left_minor + used_minor + lapsed_minor),
  CONSTRAINT only_a_rest_lapses CHECK (due_at IS NULL OR left_minor > 0)
);
CREATE INDEX credit_grant_left ON customers.credit_grant (org_id, customer_id) WHERE left_minor > 0;
CREATE INDEX credit_grant_customer ON customers.credit_grant (org_id, customer_id, id);
CREATE INDEX credit_grant_subscription ON customers.credit_grant (org_id, subscription_id) WHERE left_minor > 0;
CREATE INDEX credit_grant_due ON customers.credit_grant (due_at, org_id) WHERE due_at IS NOT NULL;
CREATE INDEX credit_grant_org_due ON customers.credit_grant (org_id, due_at, id) WHERE due_at IS NOT NULL;
SELECT storage.isolate('customers.credit_grant');
SELECT storage.schedule('customers.credit_grant');

CREATE TABLE customers.grant_use (
  org_id         bigint NOT NULL,
  invoice_id     text COLLATE "C" NOT NULL,
  grant_id       text COLLATE "C" NOT NULL,
  amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
  returned_minor bigint NOT NULL DEFAULT 0 CHECK (returned_minor BETWEEN 0 AND amount_minor),
  used_at        timestamptz NOT NULL,
  PRIMARY KEY (org_id, invoice_id, grant_id),
  FOREIGN KEY (org_id, grant_id) REFERENCES customers.credit_grant (org_id, id)
);
CREATE INDEX grant_use_grant ON customers.grant_use (org_id, grant_id);
SELECT storage.isolate('customers.grant_use');

-- What of an invoice's credit was granted, and what of a credit note goes back to grants.
ALTER TABLE invoicing.invoice ADD COLUMN granted_minor bigint NOT NULL DEFAULT 0 CHECK (granted_minor >= 0);
ALTER TABLE invoicing.credit_note ADD COLUMN to_granted_minor bigint NOT NULL DEFAULT 0 CHECK (to_granted_minor >= 0);
ALTER TABLE invoicing.credit_note DROP CONSTRAINT goes_somewhere;
ALTER TABLE invoicing.credit_note ADD CONSTRAINT goes_somewhere
  CHECK (total_minor = to_receivable_minor + to_credit_minor + to_refund_minor + to_granted_minor);
