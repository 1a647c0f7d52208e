#!/bin/sh
# reload.sh [FILE]: makes the running gateway use FILE (by default /gateway/haproxy.cfg) without a new container. A broken
# one changes nothing. It ends once the new workers answer.
set -eu
file=${1:-/gateway/haproxy.cfg}
umask 077
sh "$(dirname "$0")/check.sh" "$file"
cp "$file" /tmp/haproxy.cfg
# What was found by now, so that new workers need not look for it first.
echo "show servers state" | socat -t 5 - UNIX-CONNECT:/tmp/haproxy.sock > /tmp/servers
kill -USR2 1
wanted=$(sed -n 's/.* string \([0-9a-f]*\) if { path \/status .*/\1/p' "$file")
asking="exec 3<>/dev/tcp/127.0.0.1/8100 && printf 'GET /status HTTP/1.0\r\n\r\n' >&3 && tail -n 1 <&3"
for _ in $(seq 100); do
    if [ "$(bash -c "$asking" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
    sleep 0.1
done
echo "gateway: HAProxy did not take its new routes within ten seconds" >&2
exit 1
