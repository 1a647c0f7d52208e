"""The one renderer: a command's result as text for people or as one JSON document."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from stack import tree
from stack.errors import BUG, FAILED, INTERRUPTED, OK, Problem, StackError
from stack.names import cut
from stack.output.result import Result

VERSION = 1
"""Version of the JSON envelope; it changes when a key changes its meaning or goes."""


def present(command: str, run: Callable[[], Result], as_json: bool) -> int:
    """Run a command and show its result. Gives back the exit code: errors that were foreseen are told as problems,
    any other is a bug of ours, with a log to send."""
    try:
        result = run()
    except StackError as error:
        result = Result(problems=error.problems, exit_code=error.exit_code)
    except KeyboardInterrupt:
        problem = Problem("interrupted", "interrupted; what was finished stays", fix=f"./inv {command}")
        result = Result(problems=[problem], exit_code=INTERRUPTED)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - any other error is a bug of ours, told as one
        told = _of_file(error) if isinstance(error, OSError) else None
        result = Result(problems=[told or _bug(command, error)], exit_code=FAILED if told else BUG)
    return show(command, result, as_json)


def show(command: str, result: Result, as_json: bool) -> int:
    """Print a result, and give back its exit code."""
    if as_json:
        sys.stdout.write(envelope(command, result))
    else:
        from stack.output import views

        views.show(command, result)
    sys.stdout.flush()
    return result.exit_code


def envelope(command: str, result: Result) -> str:
    """The JSON document of a result; its shape is frozen by a test."""
    document = {
        "version": VERSION,
        "command": command,
        "status": "success" if result.exit_code == OK else "error",
        "data": result.data,
        "problems": result.problems,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _of_file(error: OSError) -> Problem | None:
    """What this machine says of a path, as of one that is too long or that nobody may write; none where the error is of
    no path."""
    path = error.filename
    if not isinstance(path, str):
        return None
    return Problem("path", f"{cut(path)}: {error.strerror}", cut(path), f"ls -ld {shlex.quote(str(Path(path).parent))}")


def _bug(command: str, error: Exception) -> Problem:
    """Our mistake: the traceback goes to a log without secrets, the user gets its path."""
    import traceback

    from stack.env import envfile, secrets

    text = "".join(traceback.format_exception(error))
    log = tree.root() / tree.GENERATED / "log" / f"bug-{command}.log"
    try:
        values = envfile.parse(tree.read(tree.root() / ".env")).values()
        tree.write(log, secrets.hide(text, values).encode(), 0o600)
        where = str(_near(log))
    except (StackError, OSError):
        where = ""
    message = f"a mistake of ours: {type(error).__name__}"
    return Problem("bug", message, where, "please report it with that file" if where else "please report it")


def _near(path: Path) -> Path:
    """A path as short as it can be said from here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


__all__ = ["FAILED", "envelope", "present", "show"]
