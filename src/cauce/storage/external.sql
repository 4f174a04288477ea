-- name: inspect
SELECT current_setting('server_version_num')::integer                                       AS version_number,
       current_setting('server_version')                                                    AS version,
       current_database()                                                                   AS database_name,
       current_user::text                                                                   AS user_name,
       pg_encoding_to_char(d.encoding)                                                      AS encoding,
       pg_is_in_recovery()                                                                  AS is_replica,
       has_database_privilege(d.oid, 'CREATE')                                              AS may_create_schemas,
       r.rolsuper                                                                           AS is_superuser,
       r.rolsuper OR r.rolcreaterole                                                        AS may_create_roles,
       r.rolsuper OR r.rolbypassrls                                                         AS may_bypass_policies,
       (SELECT coalesce(array_agg(wanted ORDER BY wanted), '{}')
          FROM unnest($1::text[]) AS wanted
         WHERE NOT EXISTS (SELECT FROM pg_roles o
                            WHERE o.rolname = wanted AND pg_has_role(current_user, o.oid, 'MEMBER'))) AS roles_missing
  FROM pg_database d
  JOIN pg_roles r ON r.rolname = current_user
 WHERE d.datname = current_database()
