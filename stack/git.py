"""The edge to git: what this checkout is at, what is new upstream, and two versions of a file as one. A folder that is
no clone may have a repository of ours in .stack/ (`authoring/release.py`)."""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from stack import process, tree
from stack.errors import fail

FETCH_LIMIT = 600.0
"""Seconds for any of it: a slow line is no reason to end a fetch, one that stands still is."""
MARKER = 60
"""The length of the marks around what does not fit; no file of ours has a line of so many."""


RELEASE = f"{tree.GENERATED}/release.git"
"""The repository of a folder that is no clone."""
PLAIN = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "XDG_CONFIG_HOME": os.devnull}
"""That repository goes by nobody's settings: of line ends, or of files to be ignored."""


class Clash(NamedTuple):
    """What both sides changed in one place: its first line in ours, and the three texts."""

    line: int
    ours: bytes
    base: bytes
    theirs: bytes


def cloned(root: Path) -> bool:
    """Whether this checkout is a clone."""
    return (root / ".git").exists()


def own(root: Path) -> bool:
    """Whether it is none, and has a repository of ours."""
    return not cloned(root) and (root / RELEASE).is_dir()


def within(repository: Path, files: Path) -> dict[str, str]:
    """The environment in which git works on a repository of ours, with its files in another folder."""
    return {"GIT_DIR": str(repository), "GIT_WORK_TREE": str(files), **PLAIN}


def typed(root: Path) -> str:
    """How a user's line for this checkout's repository begins."""
    return f"git --git-dir {RELEASE} --work-tree ." if own(root) else "git"


def ask(root: Path, *words: str, given: str = "", fix: str = "", env: Mapping[str, str] | None = None) -> str:
    """What git says to these words, its last line break aside; `given` is its standard input, `env` added to its
    environment.

    Raises StackError with git's own words where it fails."""
    return _run(root, words, given.encode(), fix, env).decode(errors="surrogateescape").removesuffix("\n")


def content(root: Path, commit: str, path: str) -> bytes:
    """A file's bytes in a commit. Raises StackError where it has none."""
    return _run(root, ("cat-file", "blob", f"{commit}:{path}"))


def archive(root: Path, commit: str, *parts: str) -> bytes:
    """The files of a commit below these folders, as a tar. Raises StackError where it lacks one of them."""
    return _run(root, ("archive", "--format=tar", commit, "--", *parts))


def paths(root: Path, *words: str) -> list[str]:
    """The paths that one of git's listings gives."""
    return [path for path in ask(root, *words, "-z").split("\0") if path]


def contains(root: Path, commit: str, older: str) -> bool:
    """Whether a commit is, or builds upon, an older one."""
    return ask(root, "merge-base", older, commit, fix="git log --oneline --graph HEAD @{upstream}") == older


def merged(ours: bytes, base: bytes, theirs: bytes) -> list[bytes | Clash]:
    """Two versions of a text, piece by piece: what fits together as it is, and what does not."""
    with tempfile.TemporaryDirectory(prefix="stack-") as name:
        files = [Path(name, side) for side in ("ours", "base", "theirs")]
        for file, data in zip(files, (ours, base, theirs), strict=True):
            file.write_bytes(data)
        command = ["git", "merge-file", "-p", "-q", "--diff3", f"--marker-size={MARKER}", *map(str, files)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode > 127:  # below, it counts what does not fit; it takes no binary file
        return [Clash(1, ours, base, theirs)]
    return _pieces(done.stdout.splitlines(keepends=True))


def _pieces(lines: Iterable[bytes]) -> list[bytes | Clash]:
    marks = [sign * MARKER for sign in (b"<", b"|", b"=", b">")]
    found: list[bytes | Clash] = []
    parts: list[list[bytes]] = [[]]  # what fits; within a clash also ours, the base and theirs
    line = 1
    for text in lines:
        if text.startswith(marks[len(parts) - 1]):
            parts.append([])
        else:
            parts[-1].append(text)
            line += len(parts) <= 2
        if len(parts) == 5:
            plain, *sides = (b"".join(part) for part in parts[:4])
            found += [plain, Clash(line - len(parts[1]), *sides)]
            parts = [[]]
    return [*found, b"".join(parts[0])]


def _place(root: Path) -> dict[str, str]:
    """Which repository it is that git works on: never one that the folder happens to lie in."""
    if own(root):
        return within(root / RELEASE, root)
    return {"GIT_CEILING_DIRECTORIES": str(root.parent)}


def _run(root: Path, words: tuple[str, ...], given: bytes = b"", fix: str = "",
         env: Mapping[str, str] | None = None) -> bytes:  # fmt: skip
    around = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **_place(root), **(env or {})}
    try:
        done = subprocess.run(["git", *words], cwd=root, env=around, input=given, timeout=FETCH_LIMIT,
                              capture_output=True, check=False)  # fmt: skip
    except FileNotFoundError:
        raise fail("git", "git is not installed", fix="sudo apt-get install git") from None
    except subprocess.TimeoutExpired:
        raise fail("git", f"git {words[0]} was not done within {FETCH_LIMIT:.0f} s", fix="./inv update") from None
    if done.returncode:
        message = f"git {words[0]} failed{process.last_lines(done.stderr.decode(errors='replace'))}"
        raise fail("git", message, str(root), fix or f"git {' '.join(words)}")
    return done.stdout
