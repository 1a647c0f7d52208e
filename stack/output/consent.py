"""Asks the user, where there is one to be asked."""

import sys
from collections.abc import Callable

from stack.errors import fail


def asker(enter: bool = False) -> Callable[[str], bool] | None:
    """A function that asks a question and gives the answer; `enter` is what Enter alone says. None without a terminal.

    The question goes to standard error: standard output may be a document."""
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return lambda question: _ask(question, enter)


def _ask(question: str, enter: bool) -> bool:
    print(f"{question} {'[Y/n]' if enter else '[y/N]'} ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    answer = line.strip().lower()
    # The end of the input is no answer.
    return enter and bool(line) if not answer else answer in {"y", "yes"}


def tell(message: str) -> None:
    """Prints a line of progress to standard error."""
    print(message, file=sys.stderr, flush=True)


def agree(message: str, fix: str, declined: str = "nothing was changed", *, yes: bool = False) -> None:
    """Say what would be done, and ask; `yes` agrees. Raises StackError where nobody can be asked, and where the answer
    is no; `fix` is the line that agrees."""
    ask = asker()
    if ask is None and not yes:
        raise fail("not-agreed", message, fix=fix)
    tell(message)
    if not yes and ask and not ask("Go on?"):
        raise fail("not-agreed", declined)
