#!/bin/sh
# Gives one application a login role and a database of its own, and may run any number of times: a changed password
# holds from the next run on. Needs psql 15 or newer.
#   APP_NAME, APP_PASSWORD   the role, and the database of the same name that it owns
#   APP_EXTENSIONS           names, separated by blanks: made in that database where the server has them
#   APP_ROLE_ONLY=true       for a role that the migrations made: only its password is set
# SUPABASE_ADMIN_USER and SUPABASE_ADMIN_PASSWORD do the work, in PGDATABASE on PGHOST.
#
# A server without the ledger of migrate.sh is not ours: nothing is written there, and the run tells what is missing.
set -eu
# One stream, so that what failed is the last thing in the log.
exec 2>&1

export PGHOST="${PGHOST:-supabase-db}" PGDATABASE="${PGDATABASE:-postgres}" PGCONNECT_TIMEOUT=5 PGAPPNAME="$APP_NAME-db"
main=$PGDATABASE
database=$APP_NAME
[ "${APP_ROLE_ONLY:-}" != true ] || database=$main
# The lock of migrate.sh: two jobs that change roles at the same moment fail.
lock=7346521

say() { echo "$APP_NAME-db: $*"; }

die() {
    say "$*"
    exit 1
}

run_psql() { psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 "$@"; }

ask() { run_psql --tuples-only --no-align --command="$1"; }

connect_as() {
    export PGUSER="$1" PGPASSWORD="$2"
}

wait_for_server() {
    tries=0
    until pg_isready --quiet --timeout=3; do
        tries=$((tries + 1))
        [ "$tries" -lt 30 ] || die "no PostgreSQL answers at $PGHOST after $tries tries"
        sleep 1
    done
}

check_name() {
    [ "${APP_ROLE_ONLY:-}" != true ] || return 0
    case $APP_NAME in
    "$main" | "${SUPABASE_ADMIN_USER:-}" | postgres | template? | pgbouncer | anon | authenticated | authenticator | service_role | dashboard_user | supabase_* | pg_*)
        die "APP_NAME: $APP_NAME has a purpose of its own in this database; choose another name"
        ;;
    esac
}

# Why nothing may be written; nothing where the server is ours.
foreign() {
    if [ -z "${SUPABASE_ADMIN_PASSWORD:-}" ]; then
        echo "SUPABASE_ADMIN_PASSWORD is not set"
    elif ! found=$(ask "SELECT count(*) FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace
            WHERE s.nspname = 'genai_stack' AND t.relname = 'migration'" 2>&1); then
        echo "$PGUSER can't connect: $(last_words "$found")"
    elif [ "$found" = 0 ]; then
        echo "it has no table genai_stack.migration in $main"
    fi
}

last_words() { printf '%s\n' "$1" | sed -n '$s/.*FATAL: *//;$p'; }

# Keeps the password out of the server's log and statistics.
keep_quiet() {
    cat <<'SQL'
SELECT set_config('log_statement', 'none', false),
       set_config('log_min_error_statement', 'panic', false),
       set_config('pg_stat_statements.track_utility', 'off', false);
SQL
}

take_lock() {
    echo "SET lock_timeout = '60s';"
    echo "SELECT pg_advisory_lock($lock);"
}

set_password() {
    cat <<'SQL'
\getenv name APP_NAME
\getenv password APP_PASSWORD
ALTER ROLE :"name" PASSWORD :'password';
SQL
}

create() {
    cat <<'SQL'
\getenv name APP_NAME
\getenv password APP_PASSWORD
SELECT format('CREATE ROLE %I', :'name')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
}

create_extensions() {
    cat <<'SQL'
\getenv wanted APP_EXTENSIONS
SELECT format('CREATE EXTENSION IF NOT EXISTS %I', name)
FROM regexp_split_to_table(trim(:'wanted'), '\s+') AS name
WHERE EXISTS (SELECT FROM pg_available_extensions AS there WHERE there.name = name.name) \gexec
SQL
}

tell_missing_extensions() {
    for name in ${APP_EXTENSIONS:-}; do
        there=$(PGDATABASE=$database ask "SELECT count(*) FROM pg_extension WHERE extname = '$name'")
        [ "$there" = 1 ] || say "NOTICE: database $database has no extension $name"
    done
}

write() {
    {
        keep_quiet
        take_lock
        # What holds the password is not shown where it fails.
        echo '\set ECHO none'
        if [ "${APP_ROLE_ONLY:-}" = true ]; then set_password; else create; fi
    } | run_psql --output=/dev/null
    [ -z "${APP_EXTENSIONS:-}" ] || create_extensions | PGDATABASE=$database run_psql --output=/dev/null
}

can_connect() {
    connect_as "$APP_NAME" "$APP_PASSWORD"
    answer=$(PGDATABASE=$database ask "SELECT 1" 2>&1)
}

# $1: why nothing was written.
explain() {
    say "$APP_NAME can't connect to database $database: $(last_words "$answer")"
    say "this PostgreSQL is not ours ($1), so nothing was written to it. As its administrator, run:"
    if [ "${APP_ROLE_ONLY:-}" = true ]; then
        say "    ALTER ROLE \"$APP_NAME\" LOGIN PASSWORD '...';"
    else
        say "    CREATE ROLE \"$APP_NAME\" LOGIN PASSWORD '...'; CREATE DATABASE \"$database\" OWNER \"$APP_NAME\";"
    fi
    die "with the password that .env has for it; or let SUPABASE_DB_MIGRATE=true make this PostgreSQL ours"
}

[ -n "${APP_PASSWORD:-}" ] || die "its password is not set"
check_name
wait_for_server
connect_as "${SUPABASE_ADMIN_USER:-supabase_admin}" "${SUPABASE_ADMIN_PASSWORD:-}"
reason=$(foreign)
if [ -z "$reason" ]; then
    write
    can_connect || die "$APP_NAME can't connect to database $database: $(last_words "$answer")"
    say "role $APP_NAME can use database $database"
else
    can_connect || explain "$reason"
    say "role $APP_NAME can use database $database; nothing was written, as this PostgreSQL is not ours ($reason)"
fi
tell_missing_extensions
