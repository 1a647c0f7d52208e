#!/bin/sh
# The proxy, and then the driver, which takes its commands from other machines, as the one that published its port is.
set -eu
export HOME=/root
authority=$HOME/.local/share/caddy/pki/authorities/local/root.crt
trusted=$HOME/.pki/nssdb
caddy run --config /opt/Caddyfile --adapter caddyfile &
until [ -s "$authority" ]; do sleep 0.1; done
mkdir -p "$trusted"
certutil -d "sql:$trusted" -N --empty-password
certutil -d "sql:$trusted" -A -t C,, -n proxy -i "$authority"
if command -v chromedriver >/dev/null; then chromedriver --port=9515 --allowed-ips= --allowed-origins='*' & fi
wait
