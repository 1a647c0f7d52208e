#!/bin/sh
# Starts JupyterLab, under the name that the official images give their start program.
[ -n "${JUPYTER_TOKEN:-}" ] || { echo "JUPYTER_TOKEN is not set: anybody could run code" >&2; exit 1; }
exec jupyter lab --ip=0.0.0.0 --port=8888 --no-browser "$@"
