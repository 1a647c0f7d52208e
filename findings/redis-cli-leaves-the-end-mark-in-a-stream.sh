#!/usr/bin/env bash
# redis-cli 7.0.15: `--rdb FILE` and `--rdb - > FILE` are expected to write the same snapshot. Since the server sends
# without a file of its own (repl-diskless-sync, the default since 7), the one on standard output has the 40 bytes more
# that mark the end of the transfer; of a file redis-cli cuts them off.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
version=5:7.0.15-1~deb12u10
for package in redis-server=$version redis-tools=$version liblzf1 libjemalloc2; do apt-get -q download "$package" > log 2>&1 || { cat log; exit 1; }; done
for package in *.deb; do dpkg-deb -x "$package" tree; done
export LD_LIBRARY_PATH=$(dirname "$(find "$folder/tree" -name 'liblzf.so.1' | head -n 1)")
cli() { tree/usr/bin/redis-cli -s "$folder/socket" "$@"; }
same() {
    printf '%s: %s\n' "$1" "$2"
    [ "$2" = "$3" ] || { echo "this has changed; it was: $3"; exit 1; }
}
same "version" "$(tree/usr/bin/redis-cli --version)" "redis-cli 7.0.15"
tree/usr/bin/redis-server --port 0 --unixsocket "$folder/socket" --save '' --daemonize no > server.log 2>&1 &
server=$!
until cli ping > /dev/null 2>&1; do kill -0 "$server"; done
cli set a 1 > /dev/null
cli --rdb file.rdb > /dev/null 2>&1
cli --rdb - > stream.rdb 2> /dev/null
same "bytes more on standard output" "$(($(stat -c %s stream.rdb) - $(stat -c %s file.rdb)))" "40"
