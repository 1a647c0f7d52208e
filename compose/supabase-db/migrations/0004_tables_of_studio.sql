-- Supabase Studio works as postgres, and what it makes in public is for the roles of the API, as in supabase/postgres,
-- which has rules of its own for that: it is known by its vault.
SELECT NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'supabase_vault') AS plain \gset

\if :plain
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public
    GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public
    GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public
    GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
\endif
