#!/usr/bin/env bash
# Invoke 3.0.3 (PyPI): a program that runs tasks is expected to load what runs them. `import invoke` also loads
# unittest.mock, and with that asyncio, ssl and concurrent.futures: its MockContext, which is for tests of one's tasks,
# stands beside Context. A program of small commands pays that at each of them, whatever the command does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv one
one/bin/pip -q install invoke==3.0.3
same() {
    printf '%s: %s\n' "$1" "$2"
    [ "$2" = "$3" ] || { echo "this has changed; it was: $3"; exit 1; }
}
loaded() {
    one/bin/python -c "import sys; $1; print(*(n for n in ('unittest.mock', 'asyncio', 'ssl') if n in sys.modules))"
}
same "loaded by Python alone" "$(loaded 'pass')" ""
same "loaded by import invoke" "$(loaded 'import invoke')" "unittest.mock asyncio ssl"
