#!/bin/bash
# Stands for the tool of a healthcheck: well when every port answers that the container's own process listens on.
# That process names them as its arguments, up to "--".
while IFS= read -r -d '' word; do
    case $word in
        --) break ;;
        *[!0-9]* | '') ;;
        *) exec 3<>"/dev/tcp/127.0.0.1/$word" || exit 1 ;;
    esac
done </proc/1/cmdline
echo PONG
