#!/bin/sh
# The driver takes its commands from other machines, as the one that published its port is.
set -eu
if command -v chromedriver >/dev/null; then chromedriver --port=9515 --allowed-ips= --allowed-origins='*' & fi
exec caddy run --config /opt/Caddyfile --adapter caddyfile
