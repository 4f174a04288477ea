-- The directory: organizations, people, keys. Exempt from row-level security because it is what decides the context.

CREATE TABLE directory.org (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  public_id    text COLLATE "C" NOT NULL UNIQUE,
  name         text NOT NULL CHECK (name <> ''),
  mode         text NOT NULL CHECK (mode IN ('live', 'sandbox')),
  timezone     text NOT NULL DEFAULT 'UTC',
  locale       text NOT NULL DEFAULT 'en',
  country      text NOT NULL DEFAULT '',
  legal_name   text NOT NULL DEFAULT '',
  legal_address text NOT NULL DEFAULT '',
  tax_id       text NOT NULL DEFAULT '',
  settings     jsonb NOT NULL DEFAULT '{}',
  -- The clock of a sandbox: frozen at an instant, or running with an offset to the wall clock.
  clock_frozen_at      timestamptz,
  clock_offset_seconds bigint NOT NULL DEFAULT 0,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT live_has_the_wall_clock CHECK (mode = 'sandbox' OR (clock_frozen_at IS NULL AND clock_offset_seconds = 0))
);

-- An organization's time, from the two clock columns of its row.
CREATE FUNCTION directory.now_at(p_frozen_at timestamptz, p_offset_seconds bigint) RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE AS
$$ SELECT coalesce(p_frozen_at, clock_timestamp() + make_interval(secs => p_offset_seconds)) $$;

-- Once live or sandbox, always so: its channels take that mode.
CREATE FUNCTION directory.keep_mode() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.mode <> OLD.mode OR NEW.public_id <> OLD.public_id THEN
    RAISE EXCEPTION 'an organization keeps its mode for life' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER keep_mode BEFORE UPDATE ON directory.org FOR EACH ROW EXECUTE FUNCTION directory.keep_mode();

CREATE TABLE directory.person (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  public_id     text COLLATE "C" NOT NULL UNIQUE,
  email         text NOT NULL UNIQUE CHECK (email = lower(email) AND email LIKE '%_@_%'),
  name          text NOT NULL DEFAULT '',
  locale        text NOT NULL DEFAULT 'en',
  password_hash text,
  totp_secret_sealed bytea,
  disabled_at   timestamptz,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE directory.membership (
  org_id     bigint NOT NULL REFERENCES directory.org (id),
  person_id  bigint NOT NULL REFERENCES directory.person (id),
  role       text NOT NULL CHECK (role IN ('owner', 'admin', 'finance', 'support', 'developer', 'viewer')),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, person_id)
);
CREATE INDEX membership_person ON directory.membership (person_id);

CREATE TABLE directory.session (
  token_hash  bytea PRIMARY KEY,
  person_id   bigint NOT NULL REFERENCES directory.person (id),
  org_id      bigint REFERENCES directory.org (id),
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at  timestamptz NOT NULL,
  confirmed_at timestamptz,
  data        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX session_person ON directory.session (person_id);

-- A link that signs in once: its hash, whom it signs in, until when.
CREATE TABLE directory.sign_in_link (
  token_hash bytea PRIMARY KEY,
  person_id  bigint NOT NULL REFERENCES directory.person (id),
  org_id     bigint REFERENCES directory.org (id),
  expires_at timestamptz NOT NULL,
  used_at    timestamptz
);

CREATE TABLE directory.api_key (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  public_id    text COLLATE "C" NOT NULL UNIQUE,
  org_id       bigint NOT NULL REFERENCES directory.org (id),
  name         text NOT NULL,
  secret_hash  bytea NOT NULL UNIQUE,
  hint         text NOT NULL,
  scopes       text[] NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_used_at timestamptz,
  expires_at   timestamptz,
  replaced_by  bigint REFERENCES directory.api_key (id),
  revoked_at   timestamptz
);
CREATE INDEX api_key_org ON directory.api_key (org_id);

-- Where a provider's notice belongs before its organization is known: an unguessable token in the URL.
CREATE TABLE directory.inbound_route (
  token      text COLLATE "C" PRIMARY KEY,
  org_id     bigint NOT NULL REFERENCES directory.org (id),
  channel_id text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (org_id, channel_id)
);

GRANT SELECT, INSERT, UPDATE ON directory.org, directory.person, directory.api_key TO cauce_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON directory.membership, directory.session, directory.sign_in_link, directory.inbound_route TO cauce_app;
GRANT SELECT (id, mode, clock_frozen_at, clock_offset_seconds) ON directory.org TO cauce_scheduler;
