"""`inv version`: what a bug report needs first."""

import platform

from stack import __version__, docker
from stack.errors import StackError
from stack.output.result import Result


def run() -> Result:
    """The versions of the project, Python, the engine and Compose; null for what is not there."""
    return Result({
        "stack": __version__,
        "python": platform.python_version(),
        "engine": _first(["version", "--format", "{{.Server.Version}}"]),
        "compose": _first(["compose", "version", "--short"]),
    })  # fmt: skip


def _first(args: list[str]) -> str | None:
    try:
        done = docker.run(args, timeout=5)
    except StackError:
        return None
    return done.stdout.strip() if done.returncode == 0 and done.stdout.strip() else None
