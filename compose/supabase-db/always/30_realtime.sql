-- What supabase-realtime lacks to send changes of the database: it answers as healthy all the same. supabase/postgres,
-- known by its vault, has the plugin where others have none.
SELECT NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'supabase_vault') AS plain \gset
SELECT current_setting('wal_level') <> 'logical' AS no_logical,
       :'plain'::boolean AND NOT EXISTS (SELECT FROM pg_config AS c, pg_ls_dir(c.setting) AS file
                                         WHERE c.name = 'PKGLIBDIR' AND file LIKE 'wal2json.%') AS no_plugin,
       coalesce(current_setting('output_plugin_libraries', true) !~ '\mwal2json\M', false) AS not_allowed \gset
\if :no_logical
\warn 'NOTICE: wal_level is not logical: supabase-realtime sends no changes of this database'
\endif
\if :no_plugin
\warn 'NOTICE: this server has no wal2json: supabase-realtime sends no changes of this database'
\elif :not_allowed
\warn 'NOTICE: output_plugin_libraries does not name wal2json: supabase-realtime sends no changes of this database'
\endif
