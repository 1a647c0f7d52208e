#!/bin/sh
# watched.sh SECONDS TRIES COMMAND...: runs a command that may take any time, but not stand still. Where for SECONDS it
# moved fewer than 64 kB and used less than half a second of the processor, it is killed and begun again. Says each
# minute how far it is. Ends as the command does, or with 124 where it stood still TRIES times.
set -u
patience=$1 tries=$2
shift 2
look=$(((patience + 29) / 30))

# Sets ticks (hundredths of a second of the processor) and moved (bytes read and written, sockets included).
measure() {
    set -- $(sed 's/.*) //' "/proc/$process/stat" 2>/dev/null)
    ticks=$((${12:-0} + ${13:-0}))
    moved=$(awk '/^[rw]char:/ { sum += $2 } END { printf "%d", sum }' "/proc/$process/io" 2>/dev/null)
    moved=${moved:-0}
}

# Ends with 3 once it has killed the process.
watch() {
    idle=0 elapsed=0 said=0 ticks_before=0 moved_before=0
    while sleep "$look" >/dev/null 2>&1; do
        elapsed=$((elapsed + look))
        measure
        if [ $((ticks - ticks_before)) -ge 50 ] || [ $((moved - moved_before)) -ge 65536 ]; then
            idle=0 ticks_before=$ticks moved_before=$moved
        else
            idle=$((idle + look))
        fi
        if [ $((elapsed - said)) -ge 60 ]; then
            said=$elapsed
            echo "at work for $((elapsed / 60)) min, $((moved / 1000000)) MB moved, idle for $idle s"
        fi
        if [ "$idle" -ge "$patience" ]; then
            # From here on it has its own end: the script ends it as soon as the process is gone.
            trap '' TERM
            kill -9 "$process"
            exit 3
        fi
    done
}

attempt=0
while [ "$attempt" -lt "$tries" ]; do
    attempt=$((attempt + 1))
    "$@" &
    process=$!
    watch &
    watcher=$!
    wait "$process" 2>/dev/null
    code=$?
    kill "$watcher" 2>/dev/null
    wait "$watcher" 2>/dev/null
    [ $? = 3 ] && [ "$code" = 137 ] || exit "$code"
    echo "it stood still for $patience s, try $attempt of $tries"
done
exit 124
