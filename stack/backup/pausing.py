"""Containers that stand still for a moment, and what must be done however this process ends. A small program of its own
does it once a pipe ends that this process holds: so paused containers go on even where this process is killed."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from stack import docker, process
from stack.errors import fail

SCRIPT = """
trap '' INT TERM HUP
if docker pause "$@" >/dev/null; then
    echo paused
    cat >/dev/null
fi
for one in "$@"; do docker unpause "$one" >/dev/null 2>&1; done
"""

AFTERWARDS = """
trap '' INT TERM HUP
cat >/dev/null
exec "$@" >/dev/null 2>&1
"""


@contextlib.contextmanager
def afterwards(command: Sequence[str]) -> Iterator[None]:
    """The command runs once the block has ended, also where this process is killed in it."""
    with process.keeper(["sh", "-c", AFTERWARDS, "afterwards", *command], docker.environment()):
        yield


@contextlib.contextmanager
def paused(containers: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """The containers of these services stand still while the block runs. Raises StackError where the engine refuses,
    as a rootless one does where it has no cgroups of its own."""
    ids = [one for group in containers.values() for one in group]
    if not ids:
        yield
        return
    with process.keeper(["sh", "-c", SCRIPT, "pause", *ids], docker.environment()) as keeper:
        if why := process.refused(keeper, "paused"):
            message = f"the engine can't pause {', '.join(containers)}: {why}"
            up = " ".join(f"--service {name}" for name in containers)
            fix = f"docker compose stop {' '.join(containers)} && ./inv backup; ./inv up {up}"
            raise fail("backup-pause", message, ", ".join(containers), fix)
        yield
