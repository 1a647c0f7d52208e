"""`inv update`: this checkout's newer files by git, with the services and routes that were added kept."""

from collections.abc import Mapping
from pathlib import Path

from stack import git, tree
from stack.authoring import generated, upstream
from stack.errors import StackError, fail
from stack.output import views  # noqa: F401 - before the files of the program change
from stack.output.result import Result


def run() -> Result:
    """Fetch what is new, put what was changed here in tracked files on top, and write the generated pages anew.
    `local/` and `.env` are not git's to touch.

    Raises StackError where this is no clone, git can't go on, or both sides changed the same; all is then as it was."""
    root = tree.root()
    with tree.locked(root):
        git.ask(root, "fetch", "--quiet")
        before = git.ask(root, "rev-parse", "HEAD")
        target = git.ask(root, "rev-parse", "@{upstream}", fix="git branch --set-upstream-to=origin/main")
        if git.contains(root, before, target):
            return Result({"before": before, "after": before, "news": [], "kept": []}, lines=["nothing is new"])
        if not git.contains(root, target, before):
            message = "this checkout has commits of its own, so it is for git to bring both together"
            raise fail("update-history", message, "git log @{upstream}..", "git pull --rebase --autostash")
        news = git.ask(root, "log", "--format=%s", f"{before}..{target}").splitlines()
        update = upstream.made(root, before, target, lambda: _pages(root))
        problems = upstream.apply(root, update)
    kept = sorted(update.files)
    lines = [f"new: {one}" for one in news]
    lines += [f"on top of what is new, as you changed it: {', '.join(kept)}"] if kept else []
    data = {"before": before, "after": target, "news": news, "kept": kept}
    return Result(data, problems, 1 if problems else 0, [*lines, "./inv plan says what that changes"])


def _pages(root: Path) -> Mapping[str, bytes]:
    """The generated pages as they are to be; none where the catalogue is broken, which may be what is mended."""
    try:
        return {path: text.encode() for path, text in generated.of_fragments(root).items()}
    except StackError:
        return {}
