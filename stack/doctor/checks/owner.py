"""Files of the checkout that belong to somebody else: what sudo, or a container, left behind."""

import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from stack.doctor.check import ERROR, WARNING, Check, Finding
from stack.doctor.scene import Scene

ASIDE = frozenset({".git", ".venv", "node_modules", "__pycache__"})
MOST = 20_000
"""Files that are looked at: a user's own folder may hold anything."""


def _run(scene: Scene) -> Iterable[Finding]:
    owner = scene.root.stat().st_uid
    found = strangers(itertools.islice(walked(scene.root), MOST), owner)
    if found:
        names = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        shut = any(not os.access(scene.root / name, os.W_OK) for name in found)
        seen = f"{names} {'belongs' if len(found) == 1 else 'belong'} to another user than this folder"
        causes = "commands here can't write there" if shut else "commands of its owner can't write there"
        tops = " ".join(sorted({Path(name).parts[0] for name in found}))
        fix = f"sudo chown -R {owner}:{scene.root.stat().st_gid} {tops}"
        yield Finding(seen, causes, fix, ERROR if shut else WARNING)


def walked(folder: str | Path, above: str = "") -> Iterator[tuple[str, int]]:
    """What lies in a folder and below, as its path from there and its owner's number. A folder comes before what is in
    it; what can't be looked at is left out."""
    try:
        entries = sorted(os.scandir(folder), key=lambda one: one.name)
    except OSError:
        return
    for entry in entries:
        if entry.name in ASIDE and entry.is_dir():
            continue
        try:
            yield f"{above}{entry.name}", entry.stat(follow_symlinks=False).st_uid
        except OSError:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from walked(entry.path, f"{above}{entry.name}/")


def strangers(files: Iterable[tuple[str, int]], owner: int) -> list[str]:
    """Those of the files that are not of this owner; of a folder that is not, only itself. Pure."""
    found: list[str] = []
    for name, theirs in files:
        if theirs != owner and not any(name.startswith(f"{above}/") for above in found):
            found.append(name)
    return found


CHECK = Check(
    id="owner",
    section="settings",
    holds="every file of the checkout belongs to its owner",
    run=_run,
)
