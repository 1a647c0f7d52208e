#!/bin/sh
# check.sh FILE: whether HAProxy would run with FILE, and has all that it names. Without a credential nobody gets in by
# an empty one: it ends with status 3 and a message that names it.
set -eu
for name in $(sed -n 's/^# needs: //p' "$1"); do
    problem=
    value=$(printenv "$name") || value=
    case $value in
        '') problem="is not set" ;;
        *"
"*) problem="has more than one line" ;;
    esac
    if [ -n "$problem" ]; then
        echo "gateway: $name $problem, but the routes use it" >&2
        exit 3
    fi
done
# The texts that it looks up stand in FILE, and HAProxy reads them from files of their own.
awk '$1 == "#map" { print $3, $4 > "/tmp/" $2 ".map" }' "$1"
if ! words=$(haproxy -c -f "$1" 2>&1); then
    printf '%s\n' "$words" | grep -v NOTICE >&2
    exit 1
fi
