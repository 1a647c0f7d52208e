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
    files = list(itertools.islice(_walk(scene.root), MOST))
    found = strangers(scene.root, files, owner)
    if found:
        names = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        shut = any(not os.access(scene.root / name, os.W_OK) for name in found)
        seen = f"{names} {'belongs' if len(found) == 1 else 'belong'} to another user than this folder"
        causes = "commands here can't write there" if shut else "commands of its owner can't write there"
        tops = " ".join(sorted({Path(name).parts[0] for name in found}))
        fix = f"sudo chown -R {owner}:{scene.root.stat().st_gid} {tops}"
        yield Finding(seen, causes, fix, ERROR if shut else WARNING)


def _walk(root: Path) -> Iterator[Path]:
    for folder, below, files in os.walk(root):
        below[:] = [name for name in below if name not in ASIDE]
        yield from (Path(folder) / name for name in (*below, *files))


def strangers(root: Path, files: Iterable[Path], owner: int) -> list[str]:
    """Those of the files that are not of this owner, as paths from the root; of a folder that is not, only itself."""
    found: list[str] = []
    for path in files:
        try:
            foreign = path.lstat().st_uid != owner
        except OSError:
            continue
        name = str(path.relative_to(root))
        if foreign and not any(name.startswith(f"{above}/") for above in found):
            found.append(name)
    return found


CHECK = Check(
    id="owner",
    section="settings",
    holds="every file of the checkout belongs to its owner",
    run=_run,
)
