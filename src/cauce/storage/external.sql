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
       ARRAY(SELECT w.name FROM unnest($1::text[]) AS w (name) LEFT JOIN pg_roles o ON o.rolname = w.name
              WHERE o.oid IS NULL)                                                          AS roles_absent,
       -- From 16 on whoever made a role may grant it but not yet act as it, and 15 knows no word for the difference.
       ARRAY(SELECT o.rolname::text FROM pg_roles o
              WHERE o.rolname = ANY ($1::text[])
                AND NOT pg_has_role(current_user, o.oid, CASE WHEN v.number >= 160000 THEN 'SET' ELSE 'MEMBER' END))
                                                                                            AS roles_not_ours,
       -- Roles that somebody else made, and that this user may neither act as nor grant to itself.
       ARRAY(SELECT o.rolname::text FROM pg_roles o
              WHERE o.rolname = ANY ($1::text[])
                AND NOT pg_has_role(current_user, o.oid, CASE WHEN v.number >= 160000 THEN 'SET' ELSE 'MEMBER' END)
                AND NOT pg_has_role(current_user, o.oid, 'MEMBER WITH ADMIN OPTION')
                AND NOT (r.rolcreaterole AND v.number < 160000))                            AS roles_refused
  FROM pg_database d
  JOIN pg_roles r ON r.rolname = current_user
 CROSS JOIN (SELECT current_setting('server_version_num')::integer AS number) v
 WHERE d.datname = current_database()
