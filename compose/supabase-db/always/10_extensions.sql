-- On every run, because an upgraded server may bring one that was missing.
SELECT format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA extensions', name)
FROM pg_available_extensions
WHERE name IN ('pgcrypto', 'uuid-ossp', 'vector') AND installed_version IS NULL \gexec

-- It has a schema of its own. New versions of supabase/postgres come with it switched off; where it can't be switched on,
-- all else works.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_graphql' AND installed_version IS NULL) THEN
        CREATE EXTENSION pg_graphql;
    END IF;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'pg_graphql could not be made: %', SQLERRM;
END;
$$;

SELECT NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_graphql') AS no_graphql,
       NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') AS no_vector,
       NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pgcrypto') AS no_pgcrypto \gset
\if :no_graphql
\warn 'NOTICE: this server has no pg_graphql: the gateway''s /graphql/v1 answers 404'
\endif
\if :no_vector
\warn 'NOTICE: this server has no pgvector: vector columns and similarity search are not available'
\endif
\if :no_pgcrypto
\warn 'NOTICE: this server has no pgcrypto'
\endif
