"""`inv update`: this checkout's newer files by git, with the services and routes that were added kept."""

import os
import subprocess
import sys
from pathlib import Path

from stack import process, tree
from stack.commands import docs
from stack.errors import Problem, fail
from stack.output.result import Result

PULL_LIMIT = 600.0
"""Seconds for git's fetch: a slow line is no reason to end it, one that stands still is."""


def run() -> Result:
    """Pull what is new and write the generated pages anew. What add-service and route.add changed in tracked files is
    taken along; `local/` and `.env` are not git's to touch.

    Raises StackError where this is no clone, or git can't go on; all of it is then as it was."""
    root = tree.root()
    with tree.locked(root):
        before, stash = _git(root, "rev-parse", "HEAD"), _git(root, "stash", "list")
        kept = _set_aside(root)
        try:
            _git(root, "pull", "--ff-only", "--autostash", "--quiet")
        except BaseException:
            for path, data in kept.items():
                tree.write(root / path, data)
            raise
        after = _git(root, "rev-parse", "HEAD")
    problems = [*_lost(root, stash), *_written_anew()]
    news = _git(root, "log", "--format=%s", f"{before}..{after}").splitlines()
    lines = [*(f"new: {one}" for one in news), "./inv plan says what that changes"] if news else ["nothing is new"]
    return Result({"before": before, "after": after, "news": news}, problems, 1 if problems else 0, lines)


def _git(root: Path, *words: str) -> str:
    """What git says, its last line break aside. Raises StackError with git's words where it fails."""
    quiet = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(["git", *words], cwd=root, env={**os.environ, **quiet}, stdin=subprocess.DEVNULL,
                              timeout=PULL_LIMIT, capture_output=True, text=True, check=False)  # fmt: skip
    except FileNotFoundError:
        raise fail("git", "git is not installed", fix="sudo apt-get install git") from None
    except subprocess.TimeoutExpired:
        raise fail("git", f"git {words[0]} was not done within {PULL_LIMIT:.0f} s", fix="./inv update") from None
    if done.returncode:
        message = f"git {words[0]} failed{process.last_lines(done.stderr)}"
        raise fail("git", message, str(root), f"git {' '.join(words)}")
    return done.stdout.strip()


def _set_aside(root: Path) -> dict[str, bytes]:
    """Put the generated pages back to what git has, where they are just what the fragments say; gives what stood."""
    made = docs.of_fragments(root)
    kept = {path: data for path, text in made.items() if (data := tree.read(root / path)) == text.encode()}
    changed = _git(root, "diff", "--name-only", "--", *kept).splitlines() if kept else []
    if changed:
        _git(root, "checkout", "--", *changed)
    return {path: kept[path] for path in changed}


def _lost(root: Path, stash: str) -> list[Problem]:
    """A problem where git could not put the changes of tracked files back on top of the new ones, and keeps them: its
    stash is not what it was."""
    if _git(root, "stash", "list") == stash:
        return []
    message = "what you changed in tracked files does not fit the new ones; git keeps it in its stash"
    return [Problem("update-conflict", message, "git stash list", "git stash pop")]


def _written_anew() -> list[Problem]:
    """Let the new program write the generated pages: this process is still the old one."""
    flags = ["-I"] if sys.flags.isolated else []
    done = subprocess.run([sys.executable, *flags, "-m", "stack", "docs"], cwd=tree.root(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)  # fmt: skip
    if not done.returncode:
        return []
    return [Problem("update-docs", "the generated pages are not written anew", ".env.example", "./inv docs")]
