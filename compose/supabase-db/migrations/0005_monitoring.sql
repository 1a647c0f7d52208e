-- The role that reads the server's statistics for Prometheus, and nothing else. Its password comes from the job of
-- its own fragment.
SELECT 'CREATE ROLE postgres_exporter LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'postgres_exporter') \gexec
GRANT pg_monitor TO postgres_exporter;
