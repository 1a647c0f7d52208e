-- The applications' login role, SUPABASE_DB_USER with SUPABASE_DB_PASSWORD: no superuser, a schema of its own,
-- and rights on public. On every run, so that a changed password holds.
-- An application that needs a role and a database of its own gets them by a job that runs app-database.sh.
\getenv user SUPABASE_DB_USER
\getenv password SUPABASE_DB_PASSWORD
SELECT current_database() AS database \gset

-- Keeps the password out of the server's log and statistics.
SELECT set_config('log_statement', 'none', true),
       set_config('log_min_error_statement', 'panic', true),
       set_config('pg_stat_statements.track_utility', 'off', true);

SELECT format('CREATE ROLE %I', :'user')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'user') \gexec
ALTER ROLE :"user" LOGIN PASSWORD :'password';
ALTER ROLE :"user" IN DATABASE :"database" SET search_path = "$user", public, extensions;

GRANT CONNECT, CREATE, TEMPORARY ON DATABASE :"database" TO :"user";
GRANT USAGE, CREATE ON SCHEMA public TO :"user";
GRANT USAGE ON SCHEMA extensions TO :"user";
CREATE SCHEMA IF NOT EXISTS :"user" AUTHORIZATION :"user";

-- So that a check of a database that is not ours can tell what is missing.
GRANT USAGE ON SCHEMA genai_stack TO :"user";
GRANT SELECT ON genai_stack.migration TO :"user";
