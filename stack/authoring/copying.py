"""The edge to somebody's folder: the files of it that come along with a service."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from stack import dockerignore, tree
from stack.dockerignore import Rule

MANY = 500
"""Files of one folder, at most: each is named in the fragment that it came with."""
EXAMPLES = ("example", "sample", "template", "dist")
HISTORY = frozenset({".git", ".hg", ".svn"})


def files(folder: Path, most: int, needed: Collection[str] = ()) -> tuple[dict[str, bytes], list[str]]:
    """The files below a folder, by their path in it, and a sentence for each that stays behind. What .dockerignore
    names is no part of it, but for what is `needed`. Nothing where that is more than `most` bytes."""
    rules = dockerignore.rules(tree.read(folder / ".dockerignore").decode(errors="replace"))
    found: dict[str, bytes] = {}
    left: list[str] = []
    size = 0
    for path in _below(folder, rules):
        inside = path.relative_to(folder).as_posix()
        if inside not in needed and dockerignore.leaves_out(rules, inside):
            continue
        why = _why_not(path, folder)
        size += 0 if why else path.stat().st_size
        if size > most or len(found) + len(left) >= MANY:
            return {}, [f"it has more than {most / 1_000_000:.0f} MB or {MANY} files"]
        if why:
            left.append(f"{inside}: {why}")
        else:
            found[inside] = path.read_bytes()
    return found, left


def _below(folder: Path, rules: list[Rule]) -> Iterator[Path]:
    """Everything below that is no folder, one folder at a time; links to folders too, which are not followed."""
    final = all(rule.out for rule in rules)
    for name, folders, names in os.walk(folder):
        here = Path(name)
        links = [one for one in folders if (here / one).is_symlink()]
        folders[:] = sorted(
            one for one in folders
            if one not in {*links, *HISTORY, *tree.TOOLS}
            and not (final and dockerignore.leaves_out(rules, (here / one).relative_to(folder).as_posix()))
        )  # fmt: skip
        yield from (here / one for one in sorted([*names, *links]))


def private(path: Path) -> str:
    """Why a file is its owner's alone, as its name or its mode says; empty where it is not."""
    named = path.name.startswith(".env") and not path.name.endswith(EXAMPLES)
    if named or not path.stat().st_mode & 0o077:
        return "may hold secrets"
    return "" if os.access(path, os.R_OK) else "can't be read"


def _why_not(path: Path, folder: Path) -> str:
    """Why a file is not taken along; empty where it is."""
    if path.is_file() and (why := private(path)):
        return why
    if not path.resolve().is_relative_to(folder.resolve()):
        return "leads out of the folder"
    if not path.is_file():
        return "is no file"
    return "" if path.name.isprintable() else "has a name that can't be written down"
