#!/bin/sh
# Brings a database to the SQL beside this file: migrations/NNNN_name.sql once each, in the order of their numbers,
# then always/*.sql on every run. The ledger is the table genai_stack.migration. Needs psql 15 or newer.
#
# A migration is one transaction together with its row in the ledger, so it must not hold BEGIN or COMMIT. One that
# no transaction can hold (CREATE DATABASE) starts with the line "-- migrate: no transaction", and must bear being
# run again. A migration that was applied is never edited: add another.
#
# On a database that is not ours (SUPABASE_DB_MIGRATE other than "true") nothing is written: the run tells whether
# SUPABASE_DB_USER can connect, and what is missing.
set -eu
# One stream, so that what failed is the last thing in the log.
exec 2>&1

here=$(cd "$(dirname "$0")" && pwd)
# Any number will do, as long as every runner takes the same.
lock=7346521
export PGHOST PGDATABASE PGCONNECT_TIMEOUT=5 PGAPPNAME=supabase-db-init

die() {
    echo "supabase-db-init: $*" >&2
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

# The files' names, checked: a misnamed one would be passed over in silence.
migrations() {
    for file in "$here"/migrations/*; do
        name=${file##*/}
        case $name in
        [0-9][0-9][0-9][0-9]_*.sql) echo "$name" ;;
        *) die "migrations/$name: expected a name like 0007_name.sql" ;;
        esac
    done
}

sum_of() { sha256sum <"$here/migrations/$1" | cut -d ' ' -f 1; }

# The ledger as lines "name sum"; nothing where there is none that we may read.
ledger() {
    readable=$(ask "SELECT count(*) FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace
        WHERE s.nspname = 'genai_stack' AND t.relname = 'migration'
        AND has_schema_privilege(s.oid, 'USAGE') AND has_table_privilege(t.oid, 'SELECT')")
    [ "$readable" = 0 ] || ask "SELECT name || ' ' || sha256 FROM genai_stack.migration"
}

# Names of the files that the ledger lacks. One that was edited after it was applied is an error.
missing() {
    applied=$(ledger)
    for name in $names; do
        sum=$(printf '%s\n' "$applied" | sed -n "s/^$name //p")
        if [ -z "$sum" ]; then
            echo "$name"
        elif [ "$sum" != "$(sum_of "$name")" ]; then
            die "migrations/$name was changed after it was applied to this database: undo the edit, and put the change into a new file"
        fi
    done
}

take_lock() {
    echo "SET lock_timeout = '60s';"
    echo "SELECT pg_advisory_lock($lock);"
}

create_database() {
    {
        take_lock
        echo "SELECT format('CREATE DATABASE %I', :'name')"
        echo "WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec"
    } | run_psql --dbname=postgres --output=/dev/null --set=name="$PGDATABASE"
}

create_ledger() {
    cat <<'SQL'
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS genai_stack;
CREATE TABLE IF NOT EXISTS genai_stack.migration (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
SQL
}

# psql asks the ledger again: another runner may have applied the file while this one waited for the lock.
apply_once() {
    begin='BEGIN;' commit='COMMIT;'
    if head -n 1 "$here/migrations/$1" | grep -q '^-- migrate: no transaction$'; then
        begin='' commit=''
    fi
    cat <<SQL
SELECT NOT EXISTS (SELECT FROM genai_stack.migration WHERE name = '$1') AS is_new \\gset
\\if :is_new
\\warn apply $1
$begin
\\i '$here/migrations/$1'
INSERT INTO genai_stack.migration (name, sha256) VALUES ('$1', '$(sum_of "$1")');
$commit
\\endif
SQL
}

apply_always() {
    for file in "$here"/always/*.sql; do
        printf "BEGIN;\n\\\\i '%s'\nCOMMIT;\n" "$file"
    done
}

check() {
    connect_as "$SUPABASE_DB_USER" "$SUPABASE_DB_PASSWORD"
    version=$(ask "SHOW server_version")
    new=$(missing | tr '\n' ' ')
    level=$(ask "SHOW wal_level")
    echo "supabase-db-init: PostgreSQL $version answers $PGUSER; it is not ours, so nothing is written"
    [ -z "$new" ] || echo "supabase-db-init: not applied there: ${new}(SUPABASE_DB_MIGRATE=true applies them)"
    [ "$level" = logical ] ||
        echo "supabase-db-init: wal_level is $level there: supabase-realtime, which needs logical, sends no changes of it"
}

migrate() {
    case $SUPABASE_DB_USER in
    "$SUPABASE_ADMIN_USER" | postgres | pgbouncer | anon | authenticated | authenticator | service_role | dashboard_user | supabase_* | pg_*)
        die "SUPABASE_DB_USER: $SUPABASE_DB_USER is a role with a purpose of its own; choose another name"
        ;;
    esac
    [ -n "$SUPABASE_DB_PASSWORD" ] || die "SUPABASE_DB_PASSWORD is not set"
    connect_as "$SUPABASE_ADMIN_USER" "$SUPABASE_ADMIN_PASSWORD"
    [ "$PGDATABASE" = postgres ] || create_database
    [ "$(ask "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")" = t ] ||
        die "SUPABASE_ADMIN_USER: $PGUSER is no superuser of this database, and the migrations need one"
    missing >/dev/null
    {
        take_lock
        create_ledger
        echo '\set ECHO errors'
        for name in $names; do apply_once "$name"; done
        # always/ holds passwords: a statement of it that fails is not shown.
        echo '\set ECHO none'
        apply_always
    } | run_psql --output=/dev/null
    echo "supabase-db-init: the database is up to date"
}

names=$(migrations)
wait_for_server
if [ "${SUPABASE_DB_MIGRATE:-false}" = true ]; then migrate; else check; fi
