"""The edge to an update: upstream's newer files with what was changed here on top, written whole or ended by the next
command.

All is put together first, while nothing has changed. Then what is to be is noted, and done by steps of which each may
be done again."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from stack import git, tree
from stack.authoring import unfinished
from stack.errors import Problem, StackError
from stack.gateway import kongfile, merging

LAYERED = ("compose/", "overrides/", "kong/")
"""What a file of the user's own in local/ is laid over."""
PROGRAM = ("stack/", "tasks.py", "inv")
"""What runs the next command; it is written last, and in one go."""


class Pair(msgspec.Struct, frozen=True):
    """A file that was changed here: as it is, and as it is to be."""

    ours: bytes
    merged: bytes


class Update(msgspec.Struct, frozen=True):
    """From which commit to which, and the files that are not just upstream's."""

    before: str
    target: str
    files: dict[str, Pair]


def made(root: Path, before: str, target: str, generated: Callable[[], Mapping[str, bytes]],
         undoes: Mapping[str, Pair] | None = None, again: str = "./inv update") -> Update:  # fmt: skip
    """The update between two commits. A page that is just as it is `generated` is upstream's until it is made anew. On
    the way back, `undoes` has what the update made of files that were changed before it. `again` is the line that tries
    once more.

    Raises StackError with each place where both sides changed the same; nothing is changed."""
    unmerged = git.paths(root, "diff", "--name-only", "--diff-filter=U")
    if unmerged:
        message = "git waits for its conflict to be solved"
        raise StackError(
            [Problem("update-conflict", message, path, f"edit it, then git add {path}") for path in unmerged]
        )
    changed, gone, added = (_changed(root, before, target, *only) for only in ((), ("D",), ("A",)))
    edited = changed.intersection(git.paths(root, "diff", "--name-only", "--no-renames", "HEAD")) - added
    pages = generated() if edited else {}
    edited -= {path for path, data in pages.items() if tree.read(root / path) == data}
    found: dict[str, Pair | list[Problem]] = {
        path: _both(root, (before, target), path, gone, (undoes or {}).get(path), again) for path in sorted(edited)
    }
    problems = [one for told in found.values() if isinstance(told, list) for one in told]
    problems += [p for path in sorted(added) for p in _in_the_way(root, target, path, again)]
    if problems:
        raise StackError(problems)
    return Update(before, target, {path: pair for path, pair in found.items() if isinstance(pair, Pair)})


def _changed(root: Path, before: str, target: str, kind: str = "") -> set[str]:
    only = [f"--diff-filter={kind}"] if kind else []
    return set(git.paths(root, "diff", "--name-only", "--no-renames", *only, before, target))


def _both(root: Path, commits: tuple[str, str], path: str, gone: set[str],
          undoes: Pair | None, again: str) -> Pair | list[Problem]:  # fmt: skip
    """A file that both sides changed; no problem and no pair where both removed it."""
    ours = unfinished.found(root / path)
    if path in gone or ours is None:
        if ours is None:
            words, first = f"you removed {path}, which upstream changed", ""
        else:
            words, first = f"you changed {path}, which upstream removed", f"mv {path} {path}.mine && "
        fix = f"{first}{git.typed(root)} checkout -- {path} && {again}"
        return [] if path in gone and ours is None else [Problem("update-conflict", words, path, fix)]
    base, theirs = (undoes.merged, undoes.ours) if undoes else (git.content(root, one, path) for one in commits)
    pieces = git.merged(ours, base, theirs)
    if path == kongfile.FILE:
        pieces = merging.joined(pieces)
    lines = [str(piece.line) for piece in pieces if isinstance(piece, git.Clash)]
    if lines:
        return [_conflict(root, path, line, again) for line in lines]
    merged = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    if path == kongfile.FILE and (entry := merging.strange(merged, ours, base, theirs)):
        return [_conflict(root, path, f" {entry}", again)]
    return Pair(ours, merged)


def _conflict(root: Path, path: str, place: str, again: str) -> Problem:
    here = f"{git.typed(root)} checkout -p -- {path}"
    message, fix = f"you and upstream both changed this place of {path}", f"undo it here ({here}), then {again}"
    if path.startswith(LAYERED):
        message += f"; a file local/{path} can have yours, and is laid over ours"
        fix = f"carry yours to local/{path}, {fix}"
    return Problem("update-conflict", message, f"{path}:{place}", fix)


def _in_the_way(root: Path, target: str, path: str, again: str) -> Iterator[Problem]:
    """What stands where upstream has a new file, and is another."""
    place = next(
        (p for p in reversed(Path(path).parents) if (root / p).exists() and not (root / p).is_dir()), Path(path)
    )
    here = root / place
    if not here.exists() or (
        place == Path(path) and here.is_file() and tree.read(here) == git.content(root, target, path)
    ):
        return
    fix = f"mv {place} {place}.mine && {again}"
    yield Problem("update-conflict", f"upstream has a new {path}, and there is a {place} of your own", str(place), fix)


def apply(root: Path, update: Update) -> list[Problem]:
    """Do it, or end what was begun; a key or a closed terminal does not stop it half-way. Gives what is not as it
    should be.

    Raises StackError where git or the disk refuses; the next command goes on from there."""
    tree.write(root / unfinished.UPDATE, msgspec.json.encode(update))
    with _patient():
        try:
            git.ask(root, "reset", "--quiet", "--mixed", update.target, fix="git status")
        except StackError:
            if git.ask(root, "rev-parse", "HEAD") == update.before:  # nothing is changed
                _end(root)
            raise
        gone = _changed(root, update.before, update.target, "D")
        new = _changed(root, update.before, update.target) - gone - update.files.keys()
        for path in sorted(gone):
            unfinished.put(root, path, None)
        listed = sorted(new, key=lambda path: (path.startswith(PROGRAM), path))
        git.ask(root, "checkout-index", "--force", "--index", "--quiet", "-z", "--stdin", given="\0".join(listed),
                fix="df -h .")  # fmt: skip
        problems = [p for path, pair in update.files.items() for p in _on_top(root, path, pair)]
        problems += _pages(root)
        _end(root)
    return problems


def _on_top(root: Path, path: str, pair: Pair) -> Iterator[Problem]:
    """A changed file on top of the newer one. One that is neither as it was nor as it is to be was edited since."""
    now = unfinished.found(root / path)
    if now == pair.ours:
        unfinished.put(root, path, pair.merged)
    elif now != pair.merged:
        message = f"{path} was changed while the update ran, so it lacks what is new in it"
        yield Problem("update-changed", message, path, f"{git.typed(root)} diff -- {path}")


def _pages(root: Path) -> list[Problem]:
    """Let the new program write the generated pages: this process is still the old one."""
    flags = ["-I"] if sys.flags.isolated else []
    done = subprocess.run([sys.executable, *flags, "-m", "stack", "docs"], cwd=root, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)  # fmt: skip
    if not done.returncode:
        return []
    return [Problem("update-docs", "the generated pages are not written anew", ".env.example", "./inv docs")]


def resume(root: Path) -> None:
    """End an update that was cut off. Raises StackError once that is done: what runs may be the old program."""
    try:
        with tree.locked(root, patience=0):
            update = _noted(root)
            problems = apply(root, update) if update else None
    except StackError as error:
        if error.problems[0].code == "locked":  # it is under way
            return
        raise
    if problems is not None:
        message = "an update was cut off, and is done now"
        raise StackError([Problem("update-resumed", message, "", "repeat that command"), *problems])


def _noted(root: Path) -> Update | None:
    """The update that was begun, unless somebody went on by hand from there."""
    try:
        update = msgspec.json.decode(tree.read(root / unfinished.UPDATE), type=Update)
    except msgspec.DecodeError:
        update = None
    if update and git.ask(root, "rev-parse", "HEAD") in (update.before, update.target):
        return update
    _end(root)
    return None


def _end(root: Path) -> None:
    (root / unfinished.UPDATE).unlink(missing_ok=True)


@contextlib.contextmanager
def _patient() -> Iterator[None]:
    """No interruption: it takes a second or two. The programs that are started inherit that."""
    before = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
