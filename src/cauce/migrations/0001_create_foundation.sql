-- Roles, the organization context that every policy reads, and helpers that make a table safe in one line.

DO $$
BEGIN
  -- Roles belong to the whole server; another database of it may have made them already.
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cauce_app') THEN
    CREATE ROLE cauce_app NOLOGIN NOBYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cauce_scheduler') THEN
    CREATE ROLE cauce_scheduler NOLOGIN NOBYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cauce_ledger') THEN
    CREATE ROLE cauce_ledger NOLOGIN NOBYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL;  -- two databases of one server migrated at the same moment
END $$;
DO $$
DECLARE
  -- From 16 on whoever made a role may grant it but not yet act as it, and 15 knows no word for the difference.
  v_right text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
  v_role  text;
BEGIN
  -- An administrator may have granted them, to a user who may not grant them himself.
  FOREACH v_role IN ARRAY ARRAY['cauce_app', 'cauce_scheduler', 'cauce_ledger'] LOOP
    IF NOT pg_has_role(CURRENT_USER, v_role, v_right) THEN
      EXECUTE format('GRANT %I TO CURRENT_USER', v_role);
    END IF;
  END LOOP;
END $$;

CREATE SCHEMA IF NOT EXISTS directory;
CREATE SCHEMA storage;
GRANT USAGE ON SCHEMA directory, storage TO cauce_app, cauce_scheduler, cauce_ledger;
GRANT SELECT ON directory.migration TO cauce_app;

-- The organizations of this transaction, from SET LOCAL cauce.org = '1,2'; NULL (no row visible) when unset.
CREATE FUNCTION storage.orgs() RETURNS bigint[]
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT string_to_array(nullif(current_setting('cauce.org', true), ''), ',')::bigint[] $$;

-- Make a table tenant-isolated: forced row-level security, and the application's rights on it.
CREATE FUNCTION storage.isolate(p_table regclass, p_rights text DEFAULT 'SELECT, INSERT, UPDATE, DELETE') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_table);
  EXECUTE format('CREATE POLICY org_isolation ON %s TO cauce_app, cauce_ledger '
                 'USING (org_id = ANY ((SELECT storage.orgs())::bigint[])) '
                 'WITH CHECK (org_id = ANY ((SELECT storage.orgs())::bigint[]))', p_table);
  EXECUTE format('GRANT %s ON %s TO cauce_app', p_rights, p_table);
END $$;

-- Let the scheduler see, across organizations, whose rows are due when: these columns and no others.
CREATE FUNCTION storage.schedule(p_table regclass, p_columns text DEFAULT 'org_id, due_at') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE POLICY scheduling ON %s FOR SELECT TO cauce_scheduler USING (true)', p_table);
  EXECUTE format('GRANT SELECT (%s) ON %s TO cauce_scheduler', p_columns, p_table);
END $$;

-- Refuse UPDATE and DELETE by anyone: the second wall behind the missing grants.
CREATE FUNCTION storage.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
