"""The edge of authoring: a set of changes tried on a copy of the catalogue, then written whole or not at all."""

import contextlib
import difflib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from stack import tree
from stack.authoring.addition import Changes
from stack.errors import Problem, StackError, fail
from stack.gateway import entrance
from stack.planning import planner
from stack.planning.planner import Planned

PARTS = ("compose", "overrides", "kong")


def tried(root: Path, changes: Changes, saved: Mapping[str, str | None]) -> tuple[Planned, Changes]:
    """The plan as it would be with the changes and with what is `saved` in `.env`, and the changes with the generated
    documents.

    Raises StackError where the catalogue, Compose or the gateway would refuse any of it."""
    from stack.commands import docs

    settings = {**planner.read_checkout(root).dotenv, **saved}
    dotenv = {name: value for name, value in settings.items() if value is not None}
    with _copy(root) as copy:
        for path, data in changes.items():
            _put(copy / path, data)
        planned = planner.drafted(planner.read_checkout(copy, dotenv=dotenv))
        now = {path: tree.read(root / path) for path in entrance.files(planned)}
        problems = _new(entrance.check(planned, {}), entrance.check(planned, now))
        if problems:
            raise StackError(problems)
        made = {path: text.encode() for path, text in docs.texts(copy).items()}
    return planned, {**{path: data for path, data in made.items() if tree.read(root / path) != data}, **changes}


def _new(problems: list[Problem], before: list[Problem]) -> list[Problem]:
    """What is wrong now and was not before: the rest is not this change's doing."""
    known = {(problem.code, problem.message) for problem in before}
    return [problem for problem in problems if (problem.code, problem.message) not in known]


@contextlib.contextmanager
def _copy(root: Path) -> Iterator[Path]:
    """A copy of the catalogue, with this checkout's cache: what is merged for it need not be merged again."""
    with tempfile.TemporaryDirectory(prefix="stack-") as name:
        copy = Path(name)
        roots = {
            Path(part).parts[0] for part in planner.read_checkout(root).roots if part and not Path(part).is_absolute()
        }
        for part in (*PARTS, *roots):
            if (root / part).is_dir():
                shutil.copytree(root / part, copy / part, symlinks=True)
        (root / tree.GENERATED).mkdir(exist_ok=True)
        (copy / tree.GENERATED).symlink_to(root / tree.GENERATED)
        yield copy


def _put(path: Path, data: bytes | None) -> None:
    if data is None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
        with contextlib.suppress(OSError):  # a folder that has something else stays
            path.parent.rmdir()
    else:
        tree.write(path, data)


def apply(root: Path, changes: Changes, before: Changes) -> list[str]:
    """Make the changes in their order; `before` is what stood at each path when they were made up. Where one fails, or
    Ctrl-C comes, what was done is undone. Gives the paths that are written.

    Raises StackError where a file was changed meanwhile, or can't be written."""
    for path, data in before.items():
        if _found(root / path) != data:
            raise fail("changed", f"{path} was changed meanwhile, so nothing is written", path, "repeat the command")
    done: list[str] = []
    try:
        for path, data in changes.items():
            done.append(path)
            _put(root / path, data)
    except BaseException:
        for path in reversed(done):
            _put(root / path, before[path])
        raise
    return done


def standing(root: Path, changes: Changes) -> Changes:
    """What stands at each path now."""
    return {path: _found(root / path) for path in changes}


def _found(path: Path) -> bytes | None:
    return tree.read(path) if path.exists() else None


def diff(before: Changes, changes: Changes) -> list[str]:
    """The changes as one unified diff."""
    lines: list[str] = []
    for path, data in changes.items():
        old, new = ((part or b"").decode(errors="replace").splitlines() for part in (before[path], data))
        names = (path if before[path] is not None else "/dev/null", path if data is not None else "/dev/null")
        lines += difflib.unified_diff(old, new, *names, lineterm="")
    return lines
