#!/bin/sh
# Makes the database on the first start, then becomes the server.
set -eu
umask 077

store=/var/lib/postgresql/data
unfinished=$store/unfinished
share=/usr/local/share/supabase-db
config=/etc/postgresql/postgresql.conf

die() {
    echo "supabase-db: $*" >&2
    exit 1
}

# The first major version other than ours that has data in the volume, or nothing.
foreign_data() {
    for file in "$store"/*/PG_VERSION; do
        case $file in
        "$store/*/PG_VERSION" | "$data"/* | "$unfinished"/*) ;;
        *)
            cat "$file"
            return
            ;;
        esac
    done
}

# Listens on the socket only, so that nobody finds the server before it is complete.
make_database() {
    printf '%s\n' "$POSTGRES_PASSWORD" | initdb --pgdata="$unfinished" --username=supabase_admin \
        --pwfile=/dev/stdin --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 >/dev/null
    # One line: pg_ctl hands it to a shell.
    pg_ctl start --silent --wait --timeout=120 --pgdata="$unfinished" \
        --options="-c config_file=$config -c data_directory=$unfinished -c listen_addresses= -c log_min_messages=fatal"
    PGPASSWORD=$POSTGRES_PASSWORD psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
        --username=supabase_admin --dbname=postgres --output=/dev/null \
        --file="$share/0001_roles.sql" --file="$share/0002_schemas.sql" --file="$share/first-start.sql"
    pg_ctl stop --silent --wait --mode=fast --pgdata="$unfinished"
}

[ "${1:-}" = postgres ] || exec "$@"
# A stop during the first start ends it at once; the next start begins it again.
trap 'exit 143' INT TERM

major=$(postgres --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
data=$store/$major
foreign=$(foreign_data)
[ -z "$foreign" ] || die "the volume holds data of PostgreSQL $foreign, and this image has PostgreSQL $major"

if [ ! -d "$data" ]; then
    [ -n "${POSTGRES_PASSWORD:-}" ] || die "SUPABASE_ADMIN_PASSWORD is not set"
    echo "supabase-db: making the database"
    # Only a complete one gets its name, so a start that was killed leaves nothing that passes for a database.
    rm -rf "$unfinished"
    make_database
    mv "$unfinished" "$data"
    sync "$store"
    echo "supabase-db: the database is made"
fi
exec "$@" -c data_directory="$data"
