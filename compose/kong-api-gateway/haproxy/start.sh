#!/bin/sh
# HAProxy with the configuration that the tasks made of the routes. It takes the credentials from the environment itself.
set -eu
umask 077
here=$(dirname "$0")
. "$here/tls.sh"
sh "$here/check.sh" /gateway/haproxy.cfg
cp /gateway/haproxy.cfg /tmp/haproxy.cfg
exec haproxy -W -db -f /tmp/haproxy.cfg
