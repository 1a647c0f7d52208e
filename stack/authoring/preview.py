"""The edge to what an update would change of what is planned: the newer files, planned in a copy."""

import contextlib
import io
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stack import git, tree
from stack.authoring import unfinished, unpacking
from stack.authoring.upstream import Update
from stack.errors import StackError
from stack.planning import assembly, changes, checkouts, compare, locks, model, pins, planner
from stack.planning.planner import Request

PARTS = ("compose", "overrides", "kong")
WORDS = {f"labels.{assembly.CONFIG_LABEL}": "files that it mounts", "build.labels": "what it is built from",
         f"labels.{model.VOLUMES_LABEL}": "volumes that took the place of others"}  # fmt: skip
"""Parts of a configuration that mean more to people by another name."""


def of(root: Path, update: Update) -> dict[str, list[str]] | None:
    """The parts in which each planned service would differ; `new` and `gone` for one that comes or goes. None where the
    present program can't plan one of the two."""
    try:
        before = compare.assemble(planner.make(root, Request())).model["services"]
        with _copy(root, update) as copy:
            checkout = checkouts.read(copy, dotenv=checkouts.read(root).dotenv)
            after = compare.assemble(planner.make_from(checkout, Request())).model["services"]
    except (StackError, unpacking.StrayError):
        return None
    return differing(before, after)


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[str]]:
    """The same of two assembled projects. Pure."""
    found = {}
    for name in sorted(before.keys() | after.keys()):
        if name not in before or name not in after:
            found[name] = ["new" if name in after else "gone"]
        elif keys := changes.differing(before[name], after[name]):
            found[name] = list(dict.fromkeys(WORDS.get(key, key) for key in keys))
    return found


def moving(root: Path, update: Update) -> list[str]:
    """What the newer table of pins says to who has data of an older image, of each row that is new there."""
    try:
        known = {pin for row in pins.read(root) for pin in row.pins}
        rows = pins.table(git.content(root, update.target, pins.FILE).decode(errors="replace"))
    except StackError:
        return []
    return [f"{row.pins[0]}: {row.moving}" for row in rows if row.moving and not known & set(row.pins)]


@contextlib.contextmanager
def _copy(root: Path, update: Update) -> Iterator[Path]:
    """The files of the planning as they would be, with this checkout's cache."""
    with tempfile.TemporaryDirectory(prefix="stack-") as name:
        copy = Path(name)
        there = sorted({path.partition("/")[0] for path in git.paths(root, "ls-tree", "--name-only", update.target)})
        data = git.archive(root, update.target, *(part for part in PARTS if part in there))
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            unpacking.unpack(tar, copy)
        for path, pair in update.files.items():
            unfinished.put(copy, path, pair.merged)
        for path in git.paths(root, "ls-files", "--others", "--exclude-standard", "--", *PARTS):
            unfinished.put(copy, path, tree.read(root / path))
        for part in {Path(part).parts[0] for part in checkouts.read(root).roots if part}:
            if (root / part).is_dir() and not (copy / part).exists():
                shutil.copytree(root / part, copy / part, symlinks=True)
        if (root / locks.FILE).exists():
            shutil.copy2(root / locks.FILE, copy)
        (root / tree.GENERATED).mkdir(exist_ok=True)
        (copy / tree.GENERATED).symlink_to(root / tree.GENERATED)
        yield copy
