"""Room on the engine's disk."""

import shutil

from stack import docker
from stack.errors import Problem, StackError

LEAST = 2 * 1024**3
"""Bytes that must be free before a start: the images built for `core` on a bare machine take 1.2 GB."""


def problems() -> list[Problem]:
    """A problem where the engine's disk has less than LEAST free; none where that can't be seen (a remote engine)."""
    try:
        folder = str(docker.info().get("DockerRootDir"))
        free = shutil.disk_usage(folder).free
    except (StackError, OSError):
        return []
    if free >= LEAST:
        return []
    message = f"{folder} has {free / 1024**3:.1f} GB free; a start needs {LEAST / 1024**3:.0f} GB"
    return [Problem("disk", message, folder, "docker system df, then remove what you don't need")]
