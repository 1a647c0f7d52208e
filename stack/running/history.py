"""The last ten starts: what each changed, by which command, and what stood after it, so that each can be undone.

What may be shown lies in .stack/record/history.json. The files as they stood, `.env` with its secrets among them, lie
in .stack/private/history, for their owner alone. An image that was built here is kept by a tag of ours for as long."""

import contextlib
import shlex
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from stack import docker, tree
from stack.env import envfile
from stack.env.secrets import HIDDEN
from stack.errors import Problem, StackError, fail
from stack.names import cut
from stack.planning import assembly
from stack.planning.changes import Change
from stack.planning.plan import Plan

KEPT = 10
"""Starts that can be undone; of one more it is kept what stood after it."""
FILE = f"{tree.GENERATED}/record/history.json"
FOLDER = f"{tree.GENERATED}/private/history"
KEEP = "genai-stack/kept"
"""The tags by which images are kept: a project's name and a part of the image's id."""
CHOSEN = ("compose.yaml", ".env", "images.lock")
"""What is put back whole or not at all."""
DERIVED = ("gateway/*", "plan/*", "private/*/connections.json", "record/up.json")
"""What lies below .stack/ and follows from the plan."""
DONE, FAILED, INTERRUPTED, CUT_OFF = "done", "failed", "interrupted", "cut off"


class Image(msgspec.Struct, frozen=True):
    """What a service ran: the image's name as it was asked for and as the files have it, its id, its digest where it
    has one, and whether it was built here."""

    name: str
    named: str
    id: str
    digest: str = ""
    built: bool = False


class Setting(msgspec.Struct, frozen=True):
    """A line of `.env` that differs from the one before; of a secret only that it does."""

    name: str
    before: str | None
    after: str | None


class Entry(msgspec.Struct, frozen=True):
    """One start: its number, when it began (UTC), the command, how it ended ("cut off" while nothing says), what it
    changed, what it ran by service, a digest of all that stood after it, and the newest backup of before it."""

    number: int
    at: str
    command: str
    outcome: str
    changes: list[Change]
    settings: list[Setting]
    images: dict[str, Image]
    state: str
    backup: str = ""


class File(msgspec.Struct, frozen=True):
    """A file as it stood."""

    mode: int
    data: bytes


class Moment(msgspec.Struct, frozen=True):
    """What stood after a start: what was to run, and the files by path."""

    plan: Plan
    files: dict[str, File]

    def with_file(self, path: str, data: bytes | None) -> "Moment":
        """The same with another content of one of its files; none where that is None."""
        others = {name: file for name, file in self.files.items() if name != path}
        mode = self.files[path].mode if path in self.files else 0o600
        return Moment(self.plan, others if data is None else {**others, path: File(mode, data)})


def read(root: Path) -> list[Entry]:
    """The record, the newest last; empty where there is none that can be read."""
    return tree.recall(root / FILE, list[Entry]) or []


def moment(root: Path, number: int) -> Moment:
    """What stood after a start. Raises StackError where that can't be read."""
    path = root / FOLDER / f"{number}.json"
    found = tree.recall(path, Moment)
    if found is None:
        raise fail("history", f"what stood after {number} can't be read any more", str(path), "./inv history")
    return found


def gathered(root: Path) -> dict[str, File]:
    """The files of a moment as they stand now."""
    generated = root / tree.GENERATED
    derived = (path for pattern in DERIVED for path in sorted(generated.glob(pattern)))
    paths = [*(root / name for name in CHOSEN), *derived]
    return {str(path.relative_to(root)): File(path.stat().st_mode & 0o777, tree.read(path))
            for path in paths if path.is_file()}  # fmt: skip


def digest(files: Mapping[str, File]) -> str:
    """What differs when the stack does: not the record of its parts, nor from what compose.yaml was made."""
    flat = {path: file.data for path, file in files.items() if not path.endswith("record/up.json")}
    if text := flat.get("compose.yaml", b"").decode(errors="replace"):
        flat["compose.yaml"] = (assembly.body(text) or text).encode()
    return tree.digest(*tree.flat(flat))[:24]


@contextlib.contextmanager
def recorded(root: Path, plan: Plan, changes: Iterable[Change], named: Mapping[str, str], shown: Collection[str],
             backup: str = "") -> Iterator[list[str]]:  # fmt: skip
    """Record what the block starts, its failure too; the block adds the services that failed to the list that it gets.
    `named` has the images of services as the files have them, `shown` the names of settings that may be shown, `backup`
    is the name of the newest one."""
    if _open:
        yield []
        return
    entry = begin(root, plan, changes, shown, backup)
    failed: list[str] = []
    outcome = INTERRUPTED
    _open.append(entry.number)
    try:
        yield failed
        outcome = FAILED if failed else DONE
    except StackError:
        outcome = FAILED
        raise
    finally:
        _open.clear()
        end(root, plan, entry, outcome, named)


_open: list[int] = []
"""The start that is under way in this process: what starts within it is a part of it."""


def unlike(root: Path) -> bool:
    """Whether what stands differs from what stood after the last start, or that one was an upgrade to its half."""
    entries = read(root)
    return not entries or entries[-1].state != digest(gathered(root)) or _halfway(entries[-1])


def _halfway(entry: Entry) -> bool:
    return entry.outcome in (INTERRUPTED, CUT_OFF) and entry.command.startswith("./inv upgrade")


def unended(root: Path) -> list[Problem]:
    """That the last start is an upgrade which ended before it was through; nothing while one is at work."""
    entries = read(root)
    if not entries or not _halfway(entries[-1]):
        return []
    try:
        with tree.locked(root, 0):
            last = entries[-1]
    except StackError:
        return []
    message = f"{last.command} of {last.at} was {last.outcome}: some services may be new, and others not yet"
    return [Problem("upgrade-unended", message, "", "./inv up goes on, ./inv rollback goes back")]


def begin(root: Path, plan: Plan, changes: Iterable[Change], shown: Collection[str], backup: str = "") -> Entry:
    """Note a start that begins. Its number is the next one."""
    entries, files = read(root), gathered(root)
    number = entries[-1].number + 1 if entries else 1
    settings = _settings(root, entries, files, shown)
    told = [change for change in changes if change.action not in ("unchanged", "beyond")]
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entry = Entry(number, at, _command(), CUT_OFF, told, settings, {}, digest(files), backup)
    _keep_files(root, number, Moment(plan, files))
    _write(root, [*entries, entry])
    return entry


def end(root: Path, plan: Plan, entry: Entry, outcome: str, named: Mapping[str, str]) -> None:
    """Note how a start ended, and forget what is too old."""
    files, images = gathered(root), {}
    with contextlib.suppress(StackError):  # an engine that went away is told by the start itself
        images = _images(plan, named)
        keep_images(plan.project, images.values())
    _keep_files(root, entry.number, Moment(plan, files))
    entries = [one for one in read(root) if one.number != entry.number]
    ended = msgspec.structs.replace(entry, outcome=outcome, images=images, state=digest(files))
    every = [*entries, ended]
    _write(root, every[-KEPT - 1 :])
    _forget(root, plan.project, every[: -KEPT - 1], every[-KEPT - 1 :])


def _keep_files(root: Path, number: int, found: Moment) -> None:
    tree.enclose(root / assembly.PRIVATE)
    tree.enclose(root / FOLDER)
    tree.write(root / FOLDER / f"{number}.json", msgspec.json.encode(found), 0o600)


def _write(root: Path, entries: list[Entry]) -> None:
    tree.write(root / FILE, msgspec.json.encode(entries), 0o600)


def _command() -> str:
    """The line as it was typed; no command that starts something has a secret among its words."""
    return cut(shlex.join(["./inv", *sys.argv[1:]]))


def _settings(root: Path, entries: list[Entry], files: Mapping[str, File], shown: Collection[str]) -> list[Setting]:
    if not entries:
        return []
    try:
        before = moment(root, entries[-1].number).files
    except StackError:
        return []
    return differing(before, files, shown)


def differing(before: Mapping[str, File], after: Mapping[str, File], shown: Collection[str]) -> list[Setting]:
    """The settings of two `.env` that differ; the values of those that may be `shown`. Pure."""
    old, new = (envfile.read(files[".env"].data)[0] if ".env" in files else {} for files in (before, after))
    return [
        Setting(name, _shown(name, old.get(name), shown), _shown(name, new.get(name), shown))
        for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)
    ]  # fmt: skip


def _shown(name: str, value: str | None, shown: Collection[str]) -> str | None:
    return HIDDEN if value and name not in shown else value


def _images(plan: Plan, named: Mapping[str, str]) -> dict[str, Image]:
    """What the names of a plan's images stand for now."""
    rows = docker.inspected("images", [service.image for service in plan.services])
    found = {}
    for service in plan.services:
        name = docker.familiar(service.image)
        row = next((row for row in rows if name in docker.names_of(row)), None)
        if row is not None:
            own = f"{name.partition('@')[0].rpartition(':')[0] or name}@"
            digests = [one.partition("@")[2] for one in row.get("RepoDigests") or [] if one.startswith(own)]
            exact = service.image.partition("@")[2] or next(iter(sorted(digests)), "")
            raw = named.get(service.name, service.image)
            found[service.name] = Image(service.image, raw, row["Id"], "" if service.built else exact, service.built)
    return found


def tag(project: str, image: Image) -> str:
    """The tag by which an image is kept."""
    return f"{KEEP}:{project}-{image.id.partition(':')[2][:12]}"


def keep_images(project: str, images: Iterable[Image]) -> None:
    """Give each image that was built here a tag of ours, so that it stays when its name goes to a newer one."""
    wanted = {tag(project, image): image.id for image in images if image.built}
    there = docker.images(list(wanted))
    for name, identity in wanted.items():
        if name not in there:
            docker.tag(identity, name)


def forget(root: Path, project: str) -> None:
    """Remove all of it: what was started on data that is gone, with the secrets of then and the images that were kept.
    What the engine does not give up stays."""
    for path in (root / FOLDER).glob("*.json"):
        path.unlink()
    (root / FILE).unlink(missing_ok=True)
    with contextlib.suppress(StackError):
        tags = {name for row in docker.listed_images() for name in row.get("RepoTags") or []}
        own = sorted(name for name in tags if name.rpartition("-")[0] == f"{KEEP}:{project}")
        if own:
            docker.run(["rmi", *own])


def _forget(root: Path, project: str, old: Iterable[Entry], left: Iterable[Entry]) -> None:
    """Remove what only starts that are too old need. What the engine does not give up stays."""
    kept = {tag(project, image) for entry in left for image in entry.images.values() if image.built}
    for entry in old:
        (root / FOLDER / f"{entry.number}.json").unlink(missing_ok=True)
        gone = {tag(project, image) for image in entry.images.values() if image.built} - kept
        for name in sorted(gone):
            with contextlib.suppress(StackError):
                docker.run(["rmi", name])
