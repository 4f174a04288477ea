-- Conversations with people: what was said, by whom, and who answers.

CREATE SCHEMA conversations;
GRANT USAGE ON SCHEMA conversations TO cauce_app, cauce_scheduler;

CREATE TABLE conversations.conversation (
  org_id          bigint NOT NULL,
  id              text COLLATE "C" NOT NULL,
  customer_id     text COLLATE "C" NOT NULL DEFAULT '',    -- '': a visitor whom we do not know
  visitor         text COLLATE "C" NOT NULL DEFAULT '',    -- the hash of the token in a visitor's browser
  visitor_name    text NOT NULL DEFAULT '',
  visitor_email   text NOT NULL DEFAULT '',
  channel_id      text COLLATE "C" NOT NULL DEFAULT '',    -- '': our own chat; else the help desk that it is held in
  ref             text COLLATE "C" NOT NULL DEFAULT '',    -- its id there
  state           text NOT NULL CHECK (state IN ('open', 'closed')),
  assignee        text NOT NULL DEFAULT '',                -- e-mail address of a member
  last_side       text NOT NULL DEFAULT '' CHECK (last_side IN ('', 'customer', 'staff')),
  last_at         timestamptz NOT NULL,
  waiting_since   timestamptz,                             -- the customer waits for an answer
  answer_seconds  bigint,                                  -- from the first word to the first answer
  first_standing  text NOT NULL DEFAULT '',                -- trial or paying when it was opened, for the report alone
  read_at         timestamptz,                             -- when the customer last looked
  opened_at       timestamptz NOT NULL,
  closed_at       timestamptz,
  PRIMARY KEY (org_id, id)
) WITH (fillfactor = 80);
CREATE INDEX conversation_customer ON conversations.conversation (org_id, customer_id, id) WHERE customer_id <> '';
CREATE INDEX conversation_visitor ON conversations.conversation (org_id, visitor) WHERE visitor <> '';
CREATE INDEX conversation_inbox ON conversations.conversation (org_id, state, last_at);
CREATE UNIQUE INDEX conversation_outside ON conversations.conversation (org_id, channel_id, ref) WHERE ref <> '';
-- One open conversation of our own per customer and per visitor: a double click opens one.
CREATE UNIQUE INDEX conversation_open_customer ON conversations.conversation (org_id, customer_id)
  WHERE state = 'open' AND customer_id <> '' AND channel_id = '';
CREATE UNIQUE INDEX conversation_open_visitor ON conversations.conversation (org_id, visitor)
  WHERE state = 'open' AND customer_id = '' AND visitor <> '' AND channel_id = '';
SELECT storage.isolate('conversations.conversation');

-- What was said, in order. Words may be taken away when a person is erased, never changed.
CREATE TABLE conversations.message (
  org_id          bigint NOT NULL,
  id              text COLLATE "C" NOT NULL,
  conversation_id text COLLATE "C" NOT NULL,
  customer_id     text COLLATE "C" NOT NULL DEFAULT '',
  side            text NOT NULL CHECK (side IN ('customer', 'staff')),
  author          text NOT NULL DEFAULT '',
  body            text NOT NULL,
  ref             text COLLATE "C" NOT NULL DEFAULT '',    -- its id outside
  at              timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, conversation_id) REFERENCES conversations.conversation (org_id, id)
);
CREATE INDEX message_conversation ON conversations.message (org_id, conversation_id, id);
CREATE INDEX message_customer ON conversations.message (org_id, customer_id, id) WHERE customer_id <> '';
CREATE UNIQUE INDEX message_outside ON conversations.message (org_id, conversation_id, ref) WHERE ref <> '';
SELECT storage.isolate('conversations.message');

CREATE TABLE conversations.saved_reply (
  org_id     bigint NOT NULL,
  id         text COLLATE "C" NOT NULL,
  title      text NOT NULL CHECK (title <> ''),
  body       text NOT NULL CHECK (body <> ''),
  created_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, id)
);
SELECT storage.isolate('conversations.saved_reply');
