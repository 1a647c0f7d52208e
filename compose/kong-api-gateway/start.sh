#!/bin/sh
# Puts the credentials into the routes, in memory only, and goes on with the image's own start.
set -eu
here=$(dirname "$0")
umask 077
. "$here/tls.sh"
awk -f "$here/substitute.awk" /gateway/kong.yml > "$KONG_DECLARATIVE_CONFIG"
# kong/kong has the first, the official image kong the second.
for entrypoint in /entrypoint.sh /docker-entrypoint.sh; do
    if [ -x "$entrypoint" ]; then exec "$entrypoint" kong docker-start; fi
done
echo "gateway: this image has no entrypoint of Kong's" >&2
exit 1
