#!/bin/sh
# Makes each collection of /init/*.json that Weaviate does not have yet. Needs only busybox.
set -eu

ask() { wget -q -O - --header="Authorization: Bearer $WEAVIATE_API_KEY" "$@"; }

there=$(ask "$WEAVIATE_URL/v1/schema")
for file in /init/*.json; do
    [ -e "$file" ] || continue
    name=$(basename "$file" .json)
    case $there in
    *"\"class\":\"$name\""*) echo "weaviate-init: $name is there" ;;
    *)
        ask --header="Content-Type: application/json" --post-file="$file" "$WEAVIATE_URL/v1/schema" > /dev/null
        echo "weaviate-init: $name is made"
        ;;
    esac
done
