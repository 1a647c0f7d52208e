"""The way back: a backup's parts into new volumes, each by its own kind. What is there already is not touched."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec

from stack import docker
from stack.backup import jobs, project, repository, saving, scratch, volumes
from stack.backup import manifest as manifests
from stack.backup.manifest import PROJECT, Manifest, Part
from stack.backup.repository import Repository
from stack.errors import fail
from stack.names import size
from stack.output.progress import Progress
from stack.planning import checkouts, model
from stack.planning.catalog import FAR, Dump
from stack.planning.planner import Planned


class Opened(msgspec.Struct, frozen=True):
    """A backup that was opened: what it says of itself, and the checkout's own files by path, checked."""

    manifest: Manifest
    files: dict[str, bytes]


def read(repo: Repository, name: str) -> Opened:
    """Open a backup. Raises StackError where it is not whole, not ours, or of a newer version."""
    where = str(repo.folder)
    rows = [row for row in repository.snapshots(repo) if name in (row.get("tags") or [])]
    own = [row for row in rows if row.get("paths") == [f"/{saving.MANIFEST}"]]
    if not own:
        raise manifests.absent(name, [], where)
    projects = [row for row in rows if row.get("paths") == [f"/{project.FILE}"]]
    # Both at once: each takes half a second to make the key of the password.
    with ThreadPoolExecutor(1) as beside:
        files = [(row["id"], beside.submit(repository.read, repo, row["id"], project.FILE)) for row in projects]
        found = manifests.decode(repository.read(repo, own[0]["id"], saving.MANIFEST), where)
    known = [row["id"] for row in rows]
    lost = [part.title() for part in found.parts if not any(one.startswith(part.snapshot) for one in known)]
    if lost:
        message = f"the backup {name} lacks {', '.join(lost)}"
        raise fail("backup-broken", message, where, "take another backup: ./inv backup.list")
    settings = next((part for part in found.parts if part.kind == PROJECT), None)
    data = next((file.result() for one, file in files if settings and one.startswith(settings.snapshot)), b"")
    return Opened(found, project.unpack(data, where) if data else {})


def known(planned: Planned, parts: Iterable[Part]) -> list[Part]:
    """The parts of services that are here, and run here."""
    facts = planned.facts
    here = {s for s in model.services(facts.model) if facts.sources[facts.catalog.fragment_of(s)] not in FAR}
    return [part for part in parts if part.service in here]


def targets(planned: Planned, parts: Iterable[Part]) -> dict[str, list[str]]:
    """The volumes that the parts fill: by each part's title, the keys in the files here. What is copied goes where the
    service mounts it now; what is dumped, to all that it mounts besides."""
    parts = known(planned, parts)
    found: dict[str, list[str]] = {}
    for part in parts:
        mounts = jobs.mounts(planned.facts, part.service)
        if part.kind == "files":
            at = next((m for m in mounts if m.path == part.path), None) or next(
                (m for m in mounts if m.key == part.name), None)  # fmt: skip
            found[part.title()] = [at.key] if at else []
    copied = {key for keys in found.values() for key in keys}
    for part in parts:
        if part.kind == "dump":
            rule = jobs.rules(planned.facts, part.service)
            own = [m.key for m in jobs.mounts(planned.facts, part.service)]
            found[part.title()] = [k for k in own if k not in copied and k not in {*rule.files, *rule.leave}]
    return found


class Room(msgspec.Struct, frozen=True):
    """New volumes for parts: by each part's title the keys that it fills, all of these keys, and the DATA_VOLUMES which
    says so; None where each has its usual name."""

    where: dict[str, list[str]]
    keys: list[str]
    pointers: str | None


def room(planned: Planned, parts: Iterable[Part], fresh: bool = False) -> Room:
    """The volumes that the parts are to fill, beside those that are there; `fresh` also leaves usual names alone."""
    where = targets(planned, parts)
    keys = sorted({key for one in where.values() for key in one})
    usual = volumes.usual(planned)
    there = {*docker.volumes(), *(usual.values() if fresh else ())}
    numbers = volumes.numbers({key: usual[key] for key in keys}, there)
    return Room(where, keys, volumes.setting(checkouts.volume_numbers(planned.checkout), numbers))


def needed(planned: Planned, parts: Iterable[Part]) -> set[str]:
    """The services whose image has to be here to fill volumes with these parts."""
    return {part.service for part in parts if part.kind == "dump" or jobs.rules(planned.facts, part.service).fit}


def make(planned: Planned, keys: Iterable[str], made: list[str]) -> None:
    """Make the volumes of a plan that points to them. `made` gets the name of each as soon as it is there."""
    for key in keys:
        made += volumes.make(planned, [key])


Filled = Callable[[str, str], None]
"""Is told of a service that has taken its dumps in, and of its container, while that runs."""


def fill(planned: Planned, repo_of: repository.Place, parts: Iterable[Part], where: Mapping[str, list[str]],
         progress: Progress, filled: Filled = lambda *_: None) -> None:  # fmt: skip
    """Fill the new volumes of a plan that points to them. Raises StackError where a part does not come over whole."""
    chosen = [part for part in parts if where.get(part.title())]
    copies = [part for part in chosen if part.kind == "files"]
    named = planned.facts.model["volumes"]
    new = {part.name: named[where[part.title()][0]].get("name") for part in copies}
    dumped = list(dict.fromkeys(part.service for part in chosen if part.kind == "dump"))
    # Those first that a program waits for, and one at a time: each takes a hundred megabytes.
    copies.sort(key=lambda part: part.service not in dumped)
    # The repository ends before the thread does, so what is copied for a restore that fails is cut off.
    with ThreadPoolExecutor(1) as copying, repo_of(new) as repo:
        begun = [(part.service, copying.submit(_copied, repo, part, progress)) for part in copies]
        for service in [*dumped, *(one for one in manifests.owners(copies) if one not in dumped)]:
            own = [copy for owner, copy in begun if owner == service]
            for copy in [*own, *(copy for _, copy in begun if copy.done())]:
                copy.result()
            if own:
                scratch.fit(planned, service)
            dumps = [part for part in chosen if part.kind == "dump" and part.service == service]
            _dumps(planned, repo, service, dumps, progress, filled)


def _copied(repo: Repository, part: Part, progress: Progress) -> None:
    progress.tell(part.title(), f"copying {size(part.bytes)}")
    repository.load_files(repo, part.snapshot)
    progress.tell(part.title(), "done")


def _dumps(planned: Planned, repo: Repository, service: str, parts: list[Part], progress: Progress,
           filled: Filled) -> None:  # fmt: skip
    rules = {dump.name: dump for dump in jobs.rules(planned.facts, service).dumps}
    unknown = [part.title() for part in parts if part.name not in rules]
    if unknown:
        message = f"nothing here says how to take in {', '.join(unknown)}"
        raise fail("backup-newer", message, f"compose/{service}.yml", "./inv update")
    for part in parts:
        if rules[part.name].stopped:
            _into_stopped(planned, repo, part, rules[part.name], progress)
    live = [part for part in parts if not rules[part.name].stopped]
    if not live:
        return
    progress.tell(service, "starting on its new volume")
    with scratch.running(planned, service, repo.pipe) as container:
        for part in live:
            progress.tell(part.title(), f"taking in {size(part.bytes)}")
            name, words = saving.file_of(part), rules[part.name].restore
            repository.load_pipe(repo, part.snapshot, name, container, words, part.item)
            progress.tell(part.title(), "done")
        filled(service, container)
    progress.tell(service, "done")


def _into_stopped(planned: Planned, repo: Repository, part: Part, dump: Dump, progress: Progress) -> None:
    progress.tell(part.title(), f"taking in {size(part.bytes)}")
    with scratch.instead(planned, part.service, dump.restore) as command:
        repository.load_stream(repo, part.snapshot, saving.file_of(part), command, scratch.environment(planned))
    progress.tell(part.title(), "done")
