"""Health checks that `up` runs itself: Podman leaves them to systemd's timers, and not every machine has those."""

import contextlib
import threading
from collections.abc import Iterator

from stack import client, docker, unixhttp
from stack.errors import StackError

PAUSE_S = 0.5
LIMIT_S = 60.0
"""Longer than any check of ours takes."""


@contextlib.contextmanager
def run(project: str) -> Iterator[None]:
    """While the block runs on a Podman, have it check the project's containers that are not healthy yet, again and
    again. Another engine does that by itself."""
    if not docker.podman():
        yield
        return
    over = threading.Event()
    worker = threading.Thread(target=_work, args=(project, over), daemon=True)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


def _work(project: str, over: threading.Event) -> None:
    while not over.wait(PAUSE_S):
        with contextlib.suppress(StackError):
            for one in docker.containers(project):
                if one.state == "running" and one.health not in ("", "healthy"):
                    _check(one.id)


def _check(container: str) -> None:
    """Have one check run; its outcome is part of what the engine tells of the container (libpod's API)."""
    path = client.endpoint().removeprefix(docker.UNIX)
    # One that has ended meanwhile is refused, and not missed.
    with contextlib.suppress(OSError, ValueError):
        unixhttp.get(path, f"{docker.LIBPOD}/containers/{container}/healthcheck", LIMIT_S)
