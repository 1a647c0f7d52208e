"""Containers that stand still for a moment, and what must be done however this process ends. A small program of its own
does it once a pipe ends that this process holds: so paused containers go on even where this process is killed."""

import contextlib
from collections.abc import Iterator, Sequence

from stack import docker, process
from stack.errors import fail

SCRIPT = """
trap '' INT TERM HUP
docker pause "$@" >/dev/null && echo paused
cat >/dev/null
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
def paused(containers: Sequence[str]) -> Iterator[None]:
    """The containers stand still while the block runs. Raises StackError where the engine refuses."""
    if not containers:
        yield
        return
    with process.keeper(["sh", "-c", SCRIPT, "pause", *containers], docker.environment()) as keeper:
        if why := process.refused(keeper, "paused"):
            raise fail("docker", f"the engine can't pause {', '.join(containers)}: {why}", fix="docker ps")
        yield
