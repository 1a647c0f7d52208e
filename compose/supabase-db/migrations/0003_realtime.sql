-- supabase-realtime keeps its tenants here and doesn't start without it.
CREATE SCHEMA IF NOT EXISTS _realtime;
