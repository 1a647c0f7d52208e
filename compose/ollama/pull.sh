#!/bin/sh
# Pulls each model of OLLAMA_PULL (separated by blanks or commas) into the Ollama at OLLAMA_HOST. A model that is
# there is not asked for again, so this works without internet. Ends with 1 when one could not be pulled.
set -eu

tries=3
failed=

there() { ollama list | awk 'NR > 1 { print $1 }' | grep -qxF -e "$1" -e "$1:latest"; }

pull() {
    try=1
    while [ "$try" -le "$tries" ]; do
        if ollama pull "$1"; then
            return 0
        fi
        echo "ollama-pull: $1: try $try of $tries failed"
        try=$((try + 1))
        [ "$try" -gt "$tries" ] || sleep 5
    done
    return 1
}

for model in $(echo "${OLLAMA_PULL:-}" | tr ',' ' '); do
    if there "$model"; then
        echo "ollama-pull: $model is there"
    elif ! pull "$model"; then
        failed="$failed $model"
    fi
done

if [ -n "$failed" ]; then
    echo "ollama-pull: not pulled:$failed (again: ./inv models.pull)"
    exit 1
fi
