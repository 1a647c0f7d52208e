#!/usr/bin/env bash
# Invoke 3.0.3 (PyPI): a program made with it is expected to be compiled once, as Python's are. Invoke's Program.parse_core
# sets sys.dont_write_bytecode unless the user types --write-pyc, so what is imported after that, as modules within tasks,
# is compiled again by every command: 100 modules took 100 ms of 240.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
unset PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX
python3 -m venv one
one/bin/pip -q install invoke==3.0.3
touch apart.py
printf 'from invoke import task\n\n\n@task\ndef noop(c):\n    import apart\n' >tasks.py
same() {
    printf '%s: %s\n' "$1" "$2"
    [ "$2" = "$3" ] || { echo "this has changed; it was: $3"; exit 1; }
}
kept() { find . -path '*__pycache__/apart*' | wc -l; }
one/bin/invoke noop
same "compiled modules kept by invoke noop" "$(kept)" 0
one/bin/invoke --write-pyc noop
same "kept by invoke --write-pyc noop" "$(kept)" 1
