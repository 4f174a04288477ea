-- name: holds_cauce
SELECT to_regclass('directory.migration') IS NOT NULL

-- name: is_empty
SELECT NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema')

-- name: others_connected
-- The kind of other users' sessions is hidden from a user who is no superuser.
SELECT count(*) FROM pg_stat_activity
 WHERE datname = $1 AND pid <> pg_backend_pid() AND coalesce(backend_type, 'client backend') = 'client backend'

-- name: create_database
-- Names cannot be parameters of these statements: the server quotes them, and the answer is then run as it is.
SELECT format('CREATE DATABASE %I TEMPLATE template0', $1::text)

-- name: drop_database
SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', $1::text)

-- name: rename_database
SELECT format('ALTER DATABASE %I RENAME TO %I', $1::text, $2::text)

-- name: give_to_role
-- Not run as it is: the text that takes the place of an ALTER … OWNER TO in a dump.
GRANT CREATE ON SCHEMA {schema} TO {role};
{statement}
REVOKE CREATE ON SCHEMA {schema} FROM {role};
