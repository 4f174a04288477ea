-- name: tables
SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relkind::text AS kind, c.relrowsecurity AS secured, c.relforcerowsecurity AS forced,
       coalesce(c.reloptions, '{}') AS options,
       (SELECT format_type(a.atttypid, NULL) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
          FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped) AS org_id
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'
 ORDER BY 2

-- name: unique_indexes
SELECT i.indrelid AS table_oid, ic.relname AS name,
       (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[0]) AS leader
  FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid WHERE i.indisunique ORDER BY 2

-- name: foreign_keys
SELECT f.conrelid AS table_oid, f.conname AS name,
       (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = f.conrelid AND a.attnum = f.conkey[1]) AS leader,
       f.confrelid::regclass::text || '.' || (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = f.confrelid AND a.attnum = f.confkey[1]) AS target
  FROM pg_constraint f WHERE f.contype = 'f' ORDER BY 2

-- name: policies
SELECT p.polrelid AS table_oid, p.polname AS name, p.polcmd::text AS command, p.polpermissive AS permissive,
       (SELECT array_agg(coalesce(r.rolname, 'public') ORDER BY 1) FROM unnest(p.polroles) o(id) LEFT JOIN pg_roles r ON r.oid = o.id) AS roles,
       pg_get_expr(p.polqual, p.polrelid) AS reads, pg_get_expr(p.polwithcheck, p.polrelid) AS writes
  FROM pg_policy p ORDER BY 2

-- name: scheduler_columns
SELECT c.oid AS table_oid, a.attname AS name, format_type(a.atttypid, NULL) AS type
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND has_column_privilege('cauce_scheduler', c.oid, a.attnum, 'SELECT') ORDER BY 2

-- name: rights
SELECT c.oid AS table_oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND (has_any_column_privilege('cauce_scheduler', c.oid, 'INSERT, UPDATE') OR has_table_privilege('cauce_scheduler', c.oid, 'DELETE, TRUNCATE')
        OR has_table_privilege('cauce_app', c.oid, 'TRUNCATE'))

-- name: roles
SELECT rolname AS name FROM pg_roles
 WHERE rolname IN ('cauce_app', 'cauce_scheduler', 'cauce_ledger') AND (rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolcreatedb)

-- name: owners
SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
 WHERE r.rolname IN ('cauce_app', 'cauce_scheduler') AND c.relkind IN ('r', 'p', 'v', 'm', 'S')

-- name: definers
SELECT p.oid::regprocedure::text AS name, r.rolname AS owner FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1

-- name: text_columns
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS "table", quote_ident(a.attname) AS "column"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attname IN ('id', 'public_id', 'key', 'external_id') AND a.atttypid = 'text'::regtype
   AND EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = c.oid AND o.attname = 'org_id' AND NOT o.attisdropped)
 ORDER BY 1, 2
