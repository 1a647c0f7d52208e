"""The edge of authoring: a set of changes tried beside the catalogue, then written whole or not at all."""

import contextlib
import difflib
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from stack import tree
from stack.authoring import generated, unfinished
from stack.authoring.addition import Changes
from stack.errors import Problem, StackError, fail
from stack.gateway import entrance
from stack.planning import checkouts, planner
from stack.planning.checkouts import Checkout
from stack.planning.planner import Planned

PARTS = ("compose", "overrides", "kong")


def tried(root: Path, changes: Changes, saved: Mapping[str, str | None]) -> tuple[Planned, Changes]:
    """The plan as it would be with the changes and with what is `saved` in `.env`, and the changes with the generated
    documents.

    Raises StackError where the catalogue, Compose or the gateway would refuse any of it."""
    standing = checkouts.read(root)
    dotenv = {name: value for name, value in {**standing.dotenv, **saved}.items() if value is not None}
    with _copy(standing, changes) as copy:
        for path, data in changes.items():
            unfinished.put(copy, path, data)
        planned = planner.drafted(checkouts.read(copy, dotenv=dotenv))
        wrong = entrance.check(planned, {})
        now = {path: tree.read(root / path) for path in entrance.files(planned)}
        problems = _new(wrong, entrance.check(planned, now)) if wrong else []
        if problems:
            raise StackError(entrance.unwritten(problems))
        made = {path: text.encode() for path, text in generated.of_fragments(copy).items()}
    return planned, {**{path: data for path, data in made.items() if tree.read(root / path) != data}, **changes}


def _new(problems: list[Problem], before: list[Problem]) -> list[Problem]:
    """What is wrong now and was not before: the rest is not this change's doing."""
    known = {(problem.code, problem.message) for problem in before}
    return [problem for problem in problems if (problem.code, problem.message) not in known]


@contextlib.contextmanager
def _copy(standing: Checkout, changes: Iterable[str]) -> Iterator[Path]:
    """A folder that reads as the catalogue, in which the files of these paths can be changed; with this checkout's
    cache: what is merged for it need not be merged again."""
    root = standing.root
    with tempfile.TemporaryDirectory(prefix="stack-") as name:
        copy = Path(name)
        roots = {Path(part).parts[0] for part in standing.roots if part and not Path(part).is_absolute()}
        touched = {above for path in changes for above in (Path(path), *Path(path).parents)}
        for part in (*PARTS, *roots):
            if (root / part).is_dir():
                _mirror(root, copy, Path(part), touched)
        (root / tree.GENERATED).mkdir(exist_ok=True)
        (copy / tree.GENERATED).symlink_to(root / tree.GENERATED)
        yield copy


def _mirror(root: Path, copy: Path, folder: Path, touched: Collection[Path]) -> None:
    """Make a folder of links to what is in one of the checkout: to a whole folder where nothing below it is touched.
    What is touched itself is left out, as a link would lead to the one that stays."""
    (copy / folder).mkdir(parents=True, exist_ok=True)
    for inside in (root / folder).iterdir():
        path = folder / inside.name
        if path not in touched:
            (copy / path).symlink_to(inside)
        elif inside.is_dir():
            _mirror(root, copy, path, touched)


def apply(root: Path, changes: Changes, before: Changes) -> list[str]:
    """Make the changes in their order; `before` is what stood at each path when they were made up. Where one fails, or
    Ctrl-C comes, what was done is undone; after a kill, by the next command. Gives the paths that are written.

    Raises StackError where a file was changed meanwhile, or can't be written."""
    for path, data in before.items():
        if unfinished.found(root / path) != data:
            raise fail("changed", f"{path} was changed meanwhile, so nothing is written", path, "repeat the command")
    unfinished.begin(root, changes, before)
    try:
        for path, data in changes.items():
            unfinished.put(root, path, data)
    except BaseException:
        unfinished.undo(root)
        raise
    unfinished.end(root)
    return list(changes)


def standing(root: Path, changes: Changes) -> Changes:
    """What stands at each path now."""
    return {path: unfinished.found(root / path) for path in changes}


def diff(before: Changes, changes: Changes) -> list[str]:
    """The changes as one unified diff."""
    lines: list[str] = []
    for path, data in changes.items():
        old, new = ((part or b"").decode(errors="replace").splitlines() for part in (before[path], data))
        names = (path if before[path] is not None else "/dev/null", path if data is not None else "/dev/null")
        lines += difflib.unified_diff(old, new, *names, lineterm="")
    return lines
