"""The versions of all that a report of a bug needs first."""

import platform
from collections.abc import Sequence

from stack import __version__, compose, docker
from stack.errors import StackError


def found() -> dict[str, str | None]:
    """The versions of the project, Python, the engine and Compose; null for what is not there."""
    return {
        "stack": __version__,
        "python": platform.python_version(),
        "engine": _first(["version", "--format", "{{.Server.Version}}"]),
        "compose": _first(["version", "--short"], compose.words()),
    }


def _first(args: list[str], program: Sequence[str] = ("docker",)) -> str | None:
    try:
        done = docker.run(args, timeout=5, program=program)
    except StackError:
        return None
    return done.stdout.strip() if done.returncode == 0 and done.stdout.strip() else None
