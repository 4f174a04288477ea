-- What staff do: the mode of each step of the business, and the tasks that steps by hand become.

CREATE SCHEMA relations;
GRANT USAGE ON SCHEMA relations TO cauce_app;

CREATE TABLE relations.step_mode (
  org_id     bigint NOT NULL,
  step       text COLLATE "C" NOT NULL,
  plan_key   text COLLATE "C" NOT NULL DEFAULT '',          -- '': every plan that has no line of its own
  mode       text NOT NULL CHECK (mode IN ('manual', 'assisted', 'automatic')),
  actor      text NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, step, plan_key)
);
SELECT storage.isolate('relations.step_mode');

CREATE TABLE relations.task (
  org_id      bigint NOT NULL,
  id          text COLLATE "C" NOT NULL,
  step        text COLLATE "C" NOT NULL,
  mode        text NOT NULL CHECK (mode IN ('manual', 'assisted')),
  work        text NOT NULL CHECK (work IN ('row', 'job')),  -- what waits: a due row of a sweep, or a job
  source      text COLLATE "C" NOT NULL,                     -- the sweep's name, the job's kind
  key         text COLLATE "C" NOT NULL,                     -- the row's key, the job's number
  object_id   text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C",
  plan_key    text COLLATE "C" NOT NULL DEFAULT '',
  state       text NOT NULL CHECK (state IN ('open', 'released', 'done', 'dropped')),
  at          timestamptz NOT NULL,                          -- org time at which the step was due
  opened_at   timestamptz NOT NULL,
  ended_at    timestamptz,
  minutes     integer CHECK (minutes >= 0),                  -- by hand, typed in; NULL: from opened to done
  actor       text NOT NULL DEFAULT '',
  PRIMARY KEY (org_id, id),
  CONSTRAINT ended_when_over CHECK ((state IN ('open', 'released')) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX task_one_waiting ON relations.task (org_id, work, source, key) WHERE state IN ('open', 'released');
CREATE INDEX task_open ON relations.task (org_id, at, id) WHERE state = 'open';
CREATE INDEX task_ended ON relations.task (org_id, ended_at) WHERE ended_at IS NOT NULL;
SELECT storage.isolate('relations.task');
