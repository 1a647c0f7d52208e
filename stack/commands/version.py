"""`inv version`: what a bug report needs first."""

from stack.engine import versions
from stack.output.result import Result


def run() -> Result:
    """The versions of the project, Python, the engine and Compose; null for what is not there."""
    return Result({**versions.found()})
