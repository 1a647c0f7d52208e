-- The roles of supabase/postgres, for a server that lacks them. Those that exist are left as they are:
-- the image changes theirs from version to version.
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'supabase_auth_admin') AS plain \gset

SELECT format('CREATE ROLE %I %s', name, attributes)
FROM (VALUES
    ('postgres', 'LOGIN CREATEDB CREATEROLE REPLICATION BYPASSRLS'),
    ('anon', 'NOLOGIN'),
    ('authenticated', 'NOLOGIN'),
    ('service_role', 'NOLOGIN BYPASSRLS'),
    ('authenticator', 'LOGIN NOINHERIT'),
    ('supabase_auth_admin', 'LOGIN NOINHERIT CREATEROLE'),
    ('supabase_storage_admin', 'LOGIN NOINHERIT CREATEROLE'),
    ('supabase_replication_admin', 'LOGIN REPLICATION'),
    ('supabase_read_only_user', 'LOGIN BYPASSRLS'),
    ('dashboard_user', 'NOLOGIN CREATEDB CREATEROLE REPLICATION'),
    ('pgbouncer', 'LOGIN')
) AS wanted (name, attributes)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

\if :plain
GRANT anon, authenticated, service_role TO authenticator, postgres;
GRANT authenticator TO supabase_storage_admin;
GRANT supabase_auth_admin, supabase_storage_admin TO postgres;
GRANT pg_read_all_data TO supabase_read_only_user, postgres;
GRANT pg_monitor, pg_signal_backend TO postgres;

ALTER ROLE anon SET statement_timeout = '3s';
ALTER ROLE authenticated SET statement_timeout = '8s';
ALTER ROLE authenticator SET statement_timeout = '8s';
ALTER ROLE authenticator SET lock_timeout = '8s';
ALTER ROLE supabase_auth_admin SET search_path = auth;
ALTER ROLE supabase_storage_admin SET search_path = storage;
ALTER ROLE postgres SET search_path = "$user", public, extensions;
\endif
