"""Asks the user, where there is one to be asked."""

import sys
from collections.abc import Callable


def asker() -> Callable[[str], bool] | None:
    """A function that asks a question and gives the answer, no being the default; None without a terminal.

    The question goes to standard error: standard output may be a document."""
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return _ask


def _ask(question: str) -> bool:
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def tell(message: str) -> None:
    """Prints a line of progress to standard error."""
    print(message, file=sys.stderr, flush=True)
