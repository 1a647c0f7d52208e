"""What went wrong, as a value: one problem says what, where, and what to type next."""

from collections.abc import Iterable

import msgspec

# Exit codes of every command; documented in docs/reference.md.
OK = 0
FAILED = 1
USAGE = 2
BUG = 3
INTERRUPTED = 130


class Problem(msgspec.Struct, frozen=True, omit_defaults=False):
    """One finding: `code` is stable and short, `where` a file and the path in it,
    `fix` the command or edit that mends it (empty where there is none)."""

    code: str
    message: str
    where: str = ""
    fix: str = ""


class StackError(Exception):
    """An expected failure, carrying every problem found, and the exit code for it."""

    def __init__(self, problems: Iterable[Problem] | Problem, exit_code: int = FAILED) -> None:
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        self.exit_code = exit_code
        super().__init__("; ".join(p.message for p in self.problems))


def fail(code: str, message: str, where: str = "", fix: str = "", exit_code: int = FAILED) -> StackError:
    """A StackError of one problem, to be raised by the caller."""
    return StackError(Problem(code, message, where, fix), exit_code)
