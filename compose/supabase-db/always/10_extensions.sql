-- On every run, because an upgraded server may bring one that was missing.
SELECT format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA extensions', name)
FROM pg_available_extensions
WHERE name IN ('pgcrypto', 'uuid-ossp', 'vector') AND installed_version IS NULL \gexec

SELECT NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') AS no_vector,
       NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pgcrypto') AS no_pgcrypto \gset
\if :no_vector
\warn 'NOTICE: this server has no pgvector: vector columns and similarity search are not available'
\endif
\if :no_pgcrypto
\warn 'NOTICE: this server has no pgcrypto'
\endif
