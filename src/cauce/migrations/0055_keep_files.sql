-- Files that staff keep with a customer: a contract, a tax form. They go with his personal data.
CREATE TABLE relations.file (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  sha256      text COLLATE "C" NOT NULL,
  bytes       bigint NOT NULL CHECK (bytes = octet_length(content) AND bytes BETWEEN 1 AND 10485760),
  content     bytea NOT NULL,
  added_by    text NOT NULL,
  added_at    timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, customer_id, sha256, name),
  FOREIGN KEY (org_id, customer_id) REFERENCES customers.customer (org_id, id)
);
CREATE INDEX file_customer ON relations.file (org_id, customer_id, id);
SELECT storage.isolate('relations.file');
