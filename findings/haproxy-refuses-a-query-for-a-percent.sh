#!/usr/bin/env bash
# HAProxy 2.6: `normalize-uri percent-decode-unreserved strict` is expected to refuse a path that is wrongly encoded. It
# reads the query as well: `/a?q=100%`, which browsers send as it stands and most servers take, is answered 400.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${proxy:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
for package in haproxy=2.6.12-1+deb12u4 liblua5.3-0; do apt-get -q download "$package" > log 2>&1 || { cat log; exit 1; }; done
for package in *.deb; do dpkg-deb -x "$package" tree; done
export LD_LIBRARY_PATH=$(dirname "$(find "$folder/tree" -name 'liblua5.3.so.0' | head -n 1)")
same() {
    printf '%s: %s\n' "$1" "$2"
    [ "$2" = "$3" ] || { echo "this has changed; it was: $3"; exit 1; }
}
same "version" "$(tree/usr/sbin/haproxy -v | grep -o 'version 2\.6')" "version 2.6"
cat > haproxy.cfg <<FILE
global
  expose-experimental-directives
defaults
  mode http
  timeout client 5s
  timeout connect 5s
  timeout server 5s
frontend plain
  bind unix@$folder/plain
  http-request return status 200
frontend strict
  bind unix@$folder/strict
  http-request normalize-uri percent-decode-unreserved strict
  http-request return status 200
FILE
tree/usr/sbin/haproxy -f haproxy.cfg > log 2>&1 &
proxy=$!
until [ -S strict ]; do kill -0 "$proxy"; done
code() { curl -s -o body -w '%{http_code}' --unix-socket "$folder/$1" "http://localhost$2"; }
same "/a%41 with it" "$(code strict /a%41)" "200"
same "/a%zz with it" "$(code strict /a%zz)" "400"
same "/a?q=100% without it" "$(code plain '/a?q=100%')" "200"
same "/a?q=100% with it" "$(code strict '/a?q=100%')" "400"
