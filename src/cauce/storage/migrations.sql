-- name: lock
SELECT pg_advisory_lock($1)

-- name: create_log
CREATE SCHEMA IF NOT EXISTS directory;
CREATE TABLE IF NOT EXISTS directory.migration (
  number     integer PRIMARY KEY,
  name       text NOT NULL,
  checksum   text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- name: log_exists
SELECT to_regclass('directory.migration') IS NOT NULL

-- name: applied
SELECT number, checksum FROM directory.migration ORDER BY number

-- name: record
INSERT INTO directory.migration (number, name, checksum) VALUES ($1, $2, $3)
