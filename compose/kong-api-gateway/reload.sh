#!/bin/sh
# reload.sh [FILE]: makes the running gateway use FILE (by default /gateway/kong.yml) without a new container.
# Kong says "reloaded" to a broken file as well, so the file is tried first; if it is broken, nothing changes.
set -eu
here=$(dirname "$0")
new=${KONG_DECLARATIVE_CONFIG%.yml}.new.yml
umask 077
trap 'rm -f "$new"' EXIT
awk -f "$here/substitute.awk" "${1:-/gateway/kong.yml}" > "$new"
kong config parse "$new"
. "$here/tls.sh"
mv "$new" "$KONG_DECLARATIVE_CONFIG"
kong reload
