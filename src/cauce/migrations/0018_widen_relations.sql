-- What staff know about customers and promise them: tags, owners, notes, to-dos, saved segments.

CREATE TABLE relations.tag (
  org_id      bigint NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  tag         text COLLATE "C" NOT NULL CHECK (length(tag) BETWEEN 1 AND 60),
  added_by    text NOT NULL,
  added_at    timestamptz NOT NULL,
  PRIMARY KEY (org_id, customer_id, tag),
  FOREIGN KEY (org_id, customer_id) REFERENCES customers.customer (org_id, id)
);
CREATE INDEX tag_customers ON relations.tag (org_id, tag, customer_id);
SELECT storage.isolate('relations.tag');

CREATE TABLE relations.owner (
  org_id      bigint NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  email       text NOT NULL,
  since       timestamptz NOT NULL,
  PRIMARY KEY (org_id, customer_id),
  FOREIGN KEY (org_id, customer_id) REFERENCES customers.customer (org_id, id)
);
SELECT storage.isolate('relations.owner');

CREATE TABLE relations.note (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  author      text NOT NULL,
  body        text NOT NULL,
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, customer_id) REFERENCES customers.customer (org_id, id)
);
CREATE INDEX note_customer ON relations.note (org_id, customer_id, id);
SELECT storage.isolate('relations.note');

CREATE TABLE relations.todo (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C" NOT NULL DEFAULT '',
  title       text NOT NULL CHECK (title <> ''),
  owner       text NOT NULL DEFAULT '',                    -- e-mail address of a member; '': whoever comes first
  due_on      date,
  state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done')),
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL,
  done_by     text NOT NULL DEFAULT '',
  done_at     timestamptz,
  PRIMARY KEY (org_id, id),
  CONSTRAINT done_has_its_time CHECK ((state = 'done') = (done_at IS NOT NULL))
);
CREATE INDEX todo_open ON relations.todo (org_id, state, due_on);
CREATE INDEX todo_customer ON relations.todo (org_id, customer_id, id) WHERE customer_id <> '';
SELECT storage.isolate('relations.todo');

CREATE TABLE relations.segment (
  org_id     bigint NOT NULL,
  id         text COLLATE "C" NOT NULL,
  name       text NOT NULL CHECK (name <> ''),
  filter     jsonb NOT NULL,                               -- relations.filters.Filter
  created_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, name)
);
SELECT storage.isolate('relations.segment');
