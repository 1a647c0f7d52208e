"""`inv update`: this checkout's newer files, by git or from a release that was downloaded, with the services and routes
that were added kept; and back."""

import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from stack import git, tree
from stack.authoring import generated, preview, release, upstream
from stack.authoring.upstream import Update
from stack.errors import USAGE, Problem, StackError, fail
from stack.output import consent, views  # noqa: F401 - views before the files of the program change
from stack.output.result import Result

RECORD = f"{tree.GENERATED}/record/updated.json"
"""The last update, as what goes back needs it."""


def run(back: bool = False, dry_run: bool = False, from_: str = "", base: str = "") -> Result:
    """Fetch what is new, or take it from a release at `from_` (a folder or an archive) where this is no clone; say what
    of what is planned that changes, put what was changed here in tracked files on top, write the generated pages anew,
    and give settings that have another name now that name. With `back`, to before the last update. `local/` is not
    git's to touch; nothing is started. `base` is what this folder was unpacked from, where nothing here says so.

    Raises StackError where git can't go on, or both sides changed the same; all is then as it was."""
    root = tree.root()
    with tree.locked(root):
        update = _back(root) if back else _unpacked(root, from_, base) if from_ else _new(root)
        if update is None:
            head = git.ask(root, "rev-parse", "HEAD")
            return Result({"before": head, "after": head, "news": [], "kept": []}, lines=["nothing is new"])
        words = (f"{update.target}..{update.before}",) if back else (f"{update.before}..{update.target}",)
        news = git.ask(root, "log", "--format=%s", *words).splitlines()
        changes, moving = preview.of(root, update), [] if back else preview.moving(root, update)
        lines = [*(f"{'goes' if back else 'new'}: {one}" for one in news), *moving]
        kept = sorted(update.files)
        data = {"before": update.before, "after": update.target, "news": news, "kept": kept, "changes": changes}
        if dry_run:
            return Result(data, lines=[*lines, *_told(changes), "nothing was changed"])
        consent.tell("\n".join(_told(changes)))
        _record(root, None if back else update)
        problems = upstream.apply(root, update)
    # A command of its own, which takes the lock.
    problems += _migrated(root)
    lines += [f"on top of {'it' if back else 'what is new'}, as you changed it: {', '.join(kept)}"] if kept else []
    undo = [] if back else ["back to before it: ./inv update --back"]
    return Result(data, problems, 1 if problems else 0, [*lines, *undo, "./inv plan says what that changes"])


def _new(root: Path) -> Update | None:
    """What upstream has; None where that is nothing new."""
    if not git.cloned(root):
        message = "this folder is no clone, so git can't bring what is newer"
        fix = "./inv update --from ARCHIVE, of a newer release"
        raise fail("update-no-clone", message, str(root), fix)
    git.ask(root, "fetch", "--quiet")
    before = git.ask(root, "rev-parse", "HEAD")
    target = git.ask(root, "rev-parse", "@{upstream}", fix="git branch --set-upstream-to=origin/main")
    if git.contains(root, before, target):
        return None
    if not git.contains(root, target, before):
        message = "this checkout has commits of its own, so it is for git to bring both together"
        raise fail("update-history", message, "git log @{upstream}..", "git pull --rebase --autostash")
    return upstream.made(root, before, target, lambda: _pages(root))


def _unpacked(root: Path, source: str, base: str) -> Update | None:
    """What a release has that was downloaded; None where that is nothing new."""
    if git.cloned(root):
        message = "this folder is a clone, so git brings what is newer"
        raise fail("update-clone", message, str(root), "./inv update", USAGE)
    release.known(root, base)
    before, target = git.ask(root, "rev-parse", "HEAD"), release.taken(root, source)
    again = f"./inv update --from {shlex.quote(source)}"
    return upstream.made(root, before, target, lambda: _pages(root), again=again) if target != before else None


def _back(root: Path) -> Update:
    """The way back to before the last update, with what was changed here on top."""
    last = tree.recall(root / RECORD, Update)
    here = git.cloned(root) or git.own(root)
    if last is None or not here or git.ask(root, "rev-parse", "HEAD") != last.target:
        message = "no update is recorded that this checkout stands at"
        fix = "git log, then git reset --keep to a commit of it" if git.cloned(root) else "docs/upgrades.md"
        raise fail("update-back", message, "--back", fix, USAGE)
    return upstream.made(root, last.target, last.before, lambda: _pages(root), last.files)


def _record(root: Path, update: Update | None) -> None:
    if update is None:
        (root / RECORD).unlink(missing_ok=True)
    else:
        tree.write(root / RECORD, msgspec.json.encode(update), 0o600)


def _told(changes: Mapping[str, list[str]] | None) -> list[str]:
    """What the next `up` would make anew of what is planned."""
    if changes is None:
        return ["what the next up changes is told by the newer program: ./inv plan"]
    told = [f"{name} ({', '.join(keys)})" for name, keys in changes.items()]
    return [f"the next up would change {'; '.join(told)}" if told else "the next up would change nothing"]


def _migrated(root: Path) -> list[Problem]:
    """Let the new program give settings their new names. One of before this had none to give."""
    flags = ["-I"] if sys.flags.isolated else []
    command = [sys.executable, *flags, "-m", "stack", "env.migrate"]
    done = subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode in (0, USAGE):
        return []
    return [Problem("update-settings", "settings could not be given their new names", ".env", "./inv env.migrate")]


def _pages(root: Path) -> Mapping[str, bytes]:
    """The generated pages as they are to be; none where the catalogue is broken, which may be what is mended."""
    try:
        return {path: text.encode() for path, text in generated.of_fragments(root).items()}
    except StackError:
        return {}
