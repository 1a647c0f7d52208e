"""`inv rollback`: to the state before an earlier start; the data stays."""

from pathlib import Path
from typing import Any

import msgspec

from stack import docker, tree
from stack.errors import FAILED, OK, Problem, StackError, fail
from stack.output import consent
from stack.output.progress import Progress
from stack.output.result import Result
from stack.planning import changes as change
from stack.planning import checkouts, compare, planner
from stack.running import failures, history, rolling
from stack.running.history import Entry, Setting
from stack.running.rolling import Way
from stack.running.watching import Failure

TIMEOUT = 300.0
"""Seconds for each service to get healthy."""


def run(number: str, yes: bool) -> Result:
    """Go back to the state before a start, the last one where no number is given: compose.yaml, images, settings. What
    that means is said first, and asked. It is a start of its own in the history."""
    root = tree.root()
    with tree.locked(root):
        target, start = rolling.undone(history.read(root), number)
        moment = history.moment(root, target.number)
        project = checkouts.project_name(root)
        if moment.plan.project != project:
            message = f"that was project {moment.plan.project}, and this is {project}"
            raise fail("history", message, "PROJECT_NAME", f"./inv env.set PROJECT_NAME {moment.plan.project}")
        running = docker.containers(project)
        compare.check_owner(root, project, running)
        found = rolling.way(root, moment, target.images, running)
        shown = _shown(root)
        settings = history.differing(history.gathered(root), moment.files, shown)
        lines = _lines(target, start, found, settings)
        data = _data(target, start, found, settings)
        if not _differs(root, found):
            return Result(data, lines=[lines[0], "that is how it stands; nothing was changed"])
        _agree(lines, yes)
        return _gone(root, found, target, data, lines)


def _shown(root: Path) -> set[str]:
    """The settings that may be shown; none where the files that say which are secrets can't be read."""
    try:
        checkout = checkouts.read(root)
    except StackError:
        return set()
    return checkouts.known(checkout.catalog) - checkout.secrets.keys()


def _differs(root: Path, found: Way) -> bool:
    files = any(tree.read(root / path) != (data or b"") for path, data in found.files.items())
    return files or not change.nothing_to_do(found.changes)


def _agree(lines: list[str], yes: bool) -> None:
    """Ask. Raises StackError where nobody can be asked, or the answer is no."""
    ask = consent.asker()
    if ask is None and not yes:
        raise fail("not-agreed", "; ".join(lines), fix="./inv rollback --yes")
    consent.tell("\n".join(lines))
    if not yes and ask and not ask("Go on?"):
        raise fail("not-agreed", "nothing was changed")


def _gone(root: Path, found: Way, target: Entry, data: dict[str, Any], lines: list[str]) -> Result:
    failed = going(root, found, target, Progress())
    told = explained(root, failed)
    if any(not failure.retry for failure in failed):
        return Result(data, told, FAILED, ["./inv rollback goes back to how it was"])
    return Result(data, told, OK, [*lines[:1], "done; ./inv rollback undoes it", NEXT])


NEXT = "./inv plan says what the next ./inv up would change again"


def going(root: Path, found: Way, target: Entry, progress: Progress) -> list[Failure]:
    """Go the way back to an entry of the history, as an entry of its own. Gives back the services that failed."""
    with progress.shown():
        rolling.fetch(found, progress)
        rolling.put_back(root, found)
        running = docker.containers(found.plan.project)
        named = {service: image.named for service, image in target.images.items()}
        with history.recorded(root, found.plan, found.changes, named, _shown(root)) as lost:
            failed = rolling.go(root, found, running, TIMEOUT, progress)
            lost += [failure.service for failure in failed if not failure.retry]
    return failed


def explained(root: Path, failed: list[Failure]) -> list[Problem]:
    """Why services failed, in words."""
    try:
        planned = planner.drafted(checkouts.read(root))
        return [failures.explain(planned, failure) for failure in failed]
    except StackError:
        return [Problem("start", f"{one.service}: {one.why}", one.service, "docker compose logs") for one in failed]


def _data(target: Entry, start: Entry, found: Way, settings: list[Setting]) -> dict[str, Any]:
    return {
        "undoes": start.number, "to": target.number, "changes": msgspec.to_builtins(found.changes),
        "settings": msgspec.to_builtins(settings), "pulls": found.pulls,
        "volumes": dict(found.volumes.values()), "files_since": found.newer,
    }  # fmt: skip


def _lines(target: Entry, start: Entry, found: Way, settings: list[Setting]) -> list[str]:
    before = f"{start.number} ({start.command}, {start.at})"
    lines = [f"back to what stood before {before}: that of {target.number}, which was {target.outcome}"]
    words: dict[str, list[str]] = {}
    for one in found.changes:
        why = f" ({', '.join(one.keys)})" if one.keys else ""
        words.setdefault(one.action, []).append(one.name + why)
    lines += [f"{action}: {', '.join(names)}" for action, names in words.items() if action != "unchanged"]
    lines += [setting(one) for one in settings]
    lines += [f"to be pulled first: {', '.join(found.pulls)}"] if found.pulls else []
    if found.newer:
        lines.append(f"files that these mount have changed since, and stay as they are: {', '.join(found.newer)}")
    lines += [f"data: {then} in the place of {now}, which stays" for then, now in found.volumes.values()]
    return lines if found.volumes else [*lines, "the data stays as it is now"]


def setting(one: Setting) -> str:
    """A setting that changes, in words."""
    if one.after is None:
        return f"{one.name} is no longer set"
    return f"{one.name}={one.after}" + (f" (now {one.before})" if one.before is not None else "")
