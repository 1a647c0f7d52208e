"""Containers that stand still for a moment, and what must be done however this process ends. A small program of its own
does it once a pipe ends that this process holds: so paused containers go on even where this process is killed."""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence

from stack import docker
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
    keeper = subprocess.Popen(["sh", "-c", AFTERWARDS, "afterwards", *command], stdin=subprocess.PIPE,
                              env=docker.environment(), start_new_session=True)  # fmt: skip
    assert keeper.stdin is not None
    try:
        yield
    finally:
        keeper.stdin.close()
        keeper.wait()


@contextlib.contextmanager
def paused(containers: Sequence[str]) -> Iterator[None]:
    """The containers stand still while the block runs. Raises StackError where the engine refuses."""
    if not containers:
        yield
        return
    command = ["sh", "-c", SCRIPT, "pause", *containers]
    keeper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=docker.environment(), start_new_session=True)  # fmt: skip
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    assert keeper.stderr is not None
    try:
        if keeper.stdout.readline() != b"paused\n":
            keeper.stdin.close()
            words = keeper.stderr.read().decode(errors="replace").strip()
            raise fail("docker", f"the engine can't pause {', '.join(containers)}: {words}", fix="docker ps")
        yield
    finally:
        keeper.stdin.close()
        keeper.wait()
        keeper.stdout.close()
        keeper.stderr.close()
