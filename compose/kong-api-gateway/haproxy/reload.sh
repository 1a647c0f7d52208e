#!/bin/sh
# reload.sh [FILE]: makes the running gateway use FILE (by default /gateway/haproxy.cfg) without a new container. A broken
# one changes nothing. It ends once the new workers answer.
set -eu
file=${1:-/gateway/haproxy.cfg}
here=$(dirname "$0")
umask 077
cp /tmp/tls.pem /tmp/tls.old
. "$here/tls.sh"
if ! sh "$here/check.sh" "$file"; then
    mv /tmp/tls.old /tmp/tls.pem
    exit 1
fi
rm /tmp/tls.old
cp "$file" /tmp/haproxy.cfg
# What was found by now, so that new workers need not look for it first.
echo "show servers state" | socat -t 5 - UNIX-CONNECT:/tmp/haproxy.sock > /tmp/servers
worker() { echo "show info" | socat -t 5 - UNIX-CONNECT:/tmp/haproxy.sock | sed -n 's/^Pid: //p'; }
before=$(worker)
kill -USR2 1
wanted=$(sed -n 's/.* string \([0-9a-f]*\) if { path \/status .*/\1/p' "$file")
asking="exec 3<>/dev/tcp/127.0.0.1/8100 && printf 'GET /status HTTP/1.0\r\n\r\n' >&3 && tail -n 1 <&3"
for _ in $(seq 100); do
    if [ "$(worker 2>/dev/null)" != "$before" ] && [ "$(bash -c "$asking" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
    sleep 0.1
done
echo "gateway: HAProxy did not take its new routes within ten seconds" >&2
exit 1
