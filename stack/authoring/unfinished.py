"""The edge to a set of changes under way: what stood before is noted first, so that what a killed command left is
undone by the next one, whatever that is."""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from stack import tree

FILE = f"{tree.GENERATED}/unfinished.json"
UPDATE = f"{tree.GENERATED}/update.json"
"""The same of an update, which `upstream` ends instead of undoing it."""
PROGRAMS = (b"#!", b"\x7fELF")
"""How scripts and Linux's binaries begin."""


class Step(msgspec.Struct, frozen=True):
    """One file: what stood there (None where nothing did), and the digest of what is to (empty for nothing, ANYTHING
    for what the one who changes it cannot tell yet)."""

    before: bytes | None
    after: str


ANYTHING = "*"


def hold(root: Path, paths: Iterable[str]) -> None:
    """Note how the files are, before they change by more than one command: all of them go back unless `end` is called.
    Raises StackError where that can't be written; nothing is to be changed then."""
    _note(root, {path: Step(found(root / path), ANYTHING) for path in paths})


def _note(root: Path, steps: Mapping[str, Step]) -> None:
    # For its owner alone: a file that changes may be .env.
    tree.write(root / FILE, msgspec.json.encode(steps), 0o600)


def begin(root: Path, changes: Mapping[str, bytes | None], before: Mapping[str, bytes | None]) -> None:
    """Note a set of changes. Raises StackError where that can't be written; nothing is to be changed then."""
    _note(root, {path: Step(before[path], _digest(data)) for path, data in changes.items()})


def end(root: Path) -> None:
    """All of it is done, or undone."""
    (root / FILE).unlink(missing_ok=True)


def undo(root: Path) -> list[str]:
    """Put back what stood before, wherever a change was made and nobody else has changed it since. Gives the paths."""
    undone = []
    try:
        steps = msgspec.json.decode(tree.read(root / FILE), type=dict[str, Step])
    except msgspec.DecodeError:
        steps = {}
    for path, step in reversed(steps.items()):
        target = root / path
        tree.sweep(target.parent)  # what was to take its place, had there been time
        now = found(target)
        if now != step.before and step.after in (ANYTHING, _digest(now)):
            put(root, path, step.before)
            undone.append(path)
        elif now is None:
            _unfolder(root, target)
    end(root)
    return undone


def found(path: Path) -> bytes | None:
    """A file's bytes, None where there is none."""
    return tree.read(path) if path.exists() else None


def put(root: Path, path: str, data: bytes | None) -> None:
    """Make a file be as `data` says, a program executable, `.env` and what is generated for its owner alone; with the
    last file of a folder the folder goes."""
    target = root / path
    if data is not None:
        private = path == ".env" or path.startswith(f"{tree.GENERATED}/")
        mode = 0o755 if data.startswith(PROGRAMS) else 0o644
        tree.write(target, data, 0o600 if private else mode)
        return
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        target.unlink()
    _unfolder(root, target)


def _unfolder(root: Path, path: Path) -> None:
    """Remove the folders above a path that have nothing in them."""
    with contextlib.suppress(OSError):  # one that has something else stays, and so do those above
        for folder in path.parents[: len(path.relative_to(root).parts) - 1]:
            folder.rmdir()


def _digest(data: bytes | None) -> str:
    return "" if data is None else tree.digest(data)
