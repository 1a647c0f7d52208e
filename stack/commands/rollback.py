"""`inv rollback`: to the state before an earlier start; the data stays, but where that of a backup is asked for."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from stack import docker, tree
from stack.authoring import unfinished
from stack.backup import earlier, folder, manifest, settings, sources
from stack.backup.manifest import Part
from stack.backup.restoring import Opened
from stack.cluster import chosen
from stack.env import envfile
from stack.errors import FAILED, OK, Problem, StackError, fail
from stack.output import consent
from stack.output.progress import Progress
from stack.output.result import Result
from stack.planning import changes as change
from stack.planning import checkouts, compare, locks, planner
from stack.planning.planner import Request
from stack.running import failures, history, rolling
from stack.running.history import Entry, Moment, Setting
from stack.running.rolling import Way
from stack.running.watching import Failure

TIMEOUT = 300.0
"""Seconds for each service to get healthy."""


class Saved(msgspec.Struct, frozen=True):
    """A backup, and the parts of it that are to come back."""

    source: sources.Source
    parts: list[Part]

    def services(self) -> list[str]:
        """Whose data it is."""
        return manifest.owners(self.parts)


def run(number: str, yes: bool, data: bool = False) -> Result:
    """Go back to the state before a start, the last one where no number is given: compose.yaml, images, settings; with
    `data` also to what the newest backup of before that start has. What that means is said first, and asked. It is a
    start of its own in the history."""
    root = tree.root()
    clustered = chosen.now(root)
    if data:
        chosen.one_machine(root, "rollback --data", chosen.BACK)
    with tree.locked(root):
        target, start = rolling.undone(history.read(root), number)
        moment = history.moment(root, target.number)
        project = checkouts.project_name(root)
        if moment.plan.project != project:
            message = f"that was project {moment.plan.project}, and this is {project}"
            raise fail("history", message, "PROJECT_NAME", f"./inv env.set PROJECT_NAME {moment.plan.project}")
        if clustered == ("compose.yaml" in moment.files):
            where, on = ("one machine", "compose") if clustered else ("a cluster", "swarm")
            message = f"what stood before {start.number} ran on {where}, and data does not move by itself"
            raise fail("history", message, "RUN_ON", f"./inv up --on {on}")
        if clustered:
            return _on_cluster(root, target, start, moment, yes)
        running = docker.containers(project)
        compare.check_owner(root, project, running)
        found = rolling.way(root, moment, target.images, running)
        with _saved(root, start, moment) if data else contextlib.nullcontext() as saved:
            new = earlier.keys(root, found, saved.parts) if saved else ()
            rolling.with_data(found, new, _otherwise(root, start, data))
            changed = history.differing(history.gathered(root), moment.files, _shown(root))
            lines = _lines(target, start, found, changed, saved)
            told = _data(target, start, found, changed, saved)
            if not (saved or _differs(root, found)):
                return Result(told, lines=[lines[0], "that is how it stands; nothing was changed"])
            words = ["./inv rollback", number, "--data" if data else "", "--yes"]
            consent.agree("\n".join(lines), " ".join(filter(None, words)), yes=yes)
            found = _filled(root, found, saved, Progress()) if saved else found
        return _gone(root, found, target, told, lines)


def _on_cluster(root: Path, target: Entry, start: Entry, moment: Moment, yes: bool) -> Result:
    """The same on a cluster: the settings and locked images of then, deployed as `up` does it."""
    from stack.commands import swarm, up

    files = {name: moment.files[name].data if name in moment.files else None for name in (".env", locks.FILE)}
    changed = history.differing(history.gathered(root), moment.files, _shown(root))
    names, now = set(moment.plan.names()), {one.service for one in swarm.running(moment.plan.project)}
    told = {"undoes": start.number, "to": target.number, "changes": [], "settings": msgspec.to_builtins(changed),
            "pulls": [], "volumes": {}, "files_since": [], "backup": None, "data_of": []}  # fmt: skip
    lines = [_to(target, start), *(f"create: {name}" for name in sorted(names - now)),
             *(f"remove: {name}" for name in sorted(now - names)), *map(setting, changed)]  # fmt: skip
    before = {name: unfinished.found(root / name) for name in files}
    if before == files and names == now:
        return Result(told, lines=[lines[0], "that is how it stands; nothing was changed"])
    lines.append("files of the checkout, what is built of them, and the data stay as they are now")
    consent.agree("\n".join(lines), f"./inv rollback {start.number} --yes", yes=yes)
    rolling.put(root, files)
    try:
        done = up.started(Request(services=tuple(sorted(names)), exact=True, once=True), TIMEOUT)
    except StackError:
        rolling.put(root, before)
        raise
    ended = "./inv rollback goes back to how it was" if done.exit_code else "done; ./inv rollback undoes it"
    told["changes"] = done.data.get("changes", [])
    return Result(told, done.problems, done.exit_code, [lines[0], *done.lines, ended])


def _to(target: Entry, start: Entry) -> str:
    before = f"{start.number} ({start.command}, {start.at})"
    return f"back to what stood before {before}: that of {target.number}, which was {target.outcome}"


def _otherwise(root: Path, start: Entry, data: bool) -> str:
    """What to type where the data of before a start is gone."""
    place = folder.of(root, checkouts.own(root, "BACKUP_DIR"))
    if start.backup in folder.names(place) and not data:
        return f"./inv rollback {start.number} --data, for the data of backup {start.backup}"
    return "./inv history, for another start, or ./inv backup.list, for a backup to restore"


@contextlib.contextmanager
def _saved(root: Path, start: Entry, moment: Moment) -> Iterator[Saved]:
    """What the backup has of the services that ran then, which nobody removes in the block. Raises StackError where
    there is no such backup, or the secrets of then do not fit what it has."""
    if not start.backup:
        message = f"no backup was there when {start.number} began"
        raise fail("rollback-data", message, "--data", f"./inv rollback {start.number}")
    with sources.found(root, start.backup) as named:
        whole, source = sources.read(root, named, Progress())
        yield _fitting(root, start, moment, whole, source)


def _fitting(root: Path, start: Entry, moment: Moment, whole: Opened, source: sources.Source) -> Saved:
    """The parts of a backup that can come back with the state of then."""
    plain = f"./inv rollback {start.number}"
    planned = planner.drafted(checkouts.read(root))
    ran = set(moment.plan.names()) & set(planned.facts.catalog.services())
    parts = [part for part in whole.manifest.data() if part.service in ran]
    if not parts:
        raise fail("rollback-data", f"backup {source.name} has no data of what ran then", "--data", plain)
    saved = Saved(source, parts)
    secrets = {name for kinds in settings.declared(planned, saved.services()) for name in kinds}
    then = envfile.parse(moment.files[".env"].data if ".env" in moment.files else b"")
    there = settings.saved(whole)
    if other := sorted(name for name in secrets & then.keys() & there.keys() if then[name] != there[name]):
        message = f"the data of backup {source.name} goes with other secrets than those of then: {', '.join(other)}"
        raise fail("rollback-data", message, "--data", f"{plain}, then ./inv restore {source.name}")
    return saved


def _filled(root: Path, found: Way, saved: Saved, progress: Progress) -> Way:
    """The way with new volumes that have the data; the images that fill them are here then."""
    with progress.shown():
        rolling.fetch(found, progress)
        way = earlier.filled(root, found, partial(sources.opened, root, saved.source), saved.parts, progress)
    return msgspec.structs.replace(way, pulls=[], kept=[])


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
        newest = folder.newest(folder.of(root, checkouts.own(root, "BACKUP_DIR")), found.plan.project)
        with history.recorded(root, found.plan, found.changes, named, _shown(root), newest) as lost:
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


def _data(target: Entry, start: Entry, found: Way, settings: list[Setting], saved: Saved | None) -> dict[str, Any]:
    return {
        "undoes": start.number, "to": target.number, "changes": msgspec.to_builtins(found.changes),
        "settings": msgspec.to_builtins(settings), "pulls": found.pulls,
        "volumes": dict(found.volumes.values()), "files_since": found.newer,
        "backup": saved.source.name if saved else None, "data_of": saved.services() if saved else [],
    }  # fmt: skip


def _lines(target: Entry, start: Entry, found: Way, settings: list[Setting], saved: Saved | None) -> list[str]:
    lines = [_to(target, start)]
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
    if saved:
        of = f"the data of {', '.join(saved.services())} is that of backup {saved.source.name}, in new volumes"
        return [*lines, f"{of}; that of now stays beside it until ./inv restore --forget"]
    other = f" (that of backup {start.backup}: --data)" if start.backup else ""
    return lines if found.volumes else [*lines, f"the data stays as it is now{other}"]


def setting(one: Setting) -> str:
    """A setting that changes, in words."""
    if one.after is None:
        return f"{one.name} is no longer set"
    return f"{one.name}={one.after}" + (f" (now {one.before})" if one.before is not None else "")
