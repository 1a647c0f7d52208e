#!/bin/sh
# HAProxy with the configuration that the tasks made of the routes. It takes the credentials from the environment itself.
set -eu
umask 077
if [ ! -s /tmp/tls.pem ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=localhost \
        -keyout /tmp/tls.key -out /tmp/tls.crt 2>/dev/null
    cat /tmp/tls.key /tmp/tls.crt > /tmp/tls.pem
    rm /tmp/tls.key /tmp/tls.crt
fi
sh "$(dirname "$0")/check.sh" /gateway/haproxy.cfg
cp /gateway/haproxy.cfg /tmp/haproxy.cfg
exec haproxy -W -db -f /tmp/haproxy.cfg
