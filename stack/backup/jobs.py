"""What a backup is to save, and how: read off the plan and the fragments' `x-stack.NAME.backup`. Pure."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from stack.backup.manifest import Manifest, Part
from stack.docker import Container
from stack.planning import model, plan
from stack.planning.catalog import FAR, Backup, Dump
from stack.planning.plan import Facts


class Job(msgspec.Struct, frozen=True):
    """One thing to save: by a dump of the running `container`, or the files of `volume`, the engine's name of it, while
    `paused` (service → containers) stand still."""

    service: str
    name: str
    container: str = ""
    dump: Dump | None = None
    volume: str = ""
    path: str = ""
    paused: dict[str, list[str]] = {}


class Mount(msgspec.Struct, frozen=True):
    """A volume of a service: its name in the files, the engine's, where it is mounted, and whether it is written to."""

    key: str
    volume: str
    path: str
    writes: bool


def mounts(facts: Facts, service: str) -> list[Mount]:
    """The named volumes that a service mounts, without those that somebody else makes (`external`)."""
    declared: Mapping[str, Any] = facts.model.get("volumes") or {}
    own = model.services(facts.model)[service].get("volumes") or []
    return [
        Mount(v["source"], about.get("name", v["source"]), v["target"], not v.get("read_only"))
        for v in own if v.get("type") == "volume" and v.get("source")
        and not (about := declared.get(v["source"]) or {}).get("external")
    ]  # fmt: skip


def rules(facts: Facts, service: str) -> Backup:
    """What the fragment of a service says of its backup. As everywhere in it, `$$` stands for `$`."""
    said = plan.entry(facts, service).backup
    return msgspec.convert(_plain(msgspec.to_builtins(said)), Backup)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


def jobs(facts: Facts, services: Iterable[str], running: Iterable[Container], there: Collection[str]) -> list[Job]:
    """What is to be saved of `services`, in the order of their names. `there` are the volumes that the engine has. A
    program that does not run is copied as files, which then stand still by themselves. What runs elsewhere is not ours
    to save."""
    up: dict[str, list[str]] = {}
    for container in running:
        if container.state == "running" and not container.one_off:
            up.setdefault(container.service, []).append(container.id)
    found: list[Job] = []
    seen: set[str] = set()
    leave = unsaved(facts)
    # One that its source does without is in the catalogue, and not in the model.
    for service in sorted({*services} & model.services(facts.model).keys()):
        if facts.sources[facts.catalog.fragment_of(service)] in FAR:
            continue
        rule = rules(facts, service)
        dumped = bool(rule.dumps) and service in up
        found += [Job(service, dump.name, up[service][0], dump) for dump in rule.dumps if dumped]
        for mount in mounts(facts, service):
            if mount.volume in seen or mount.volume not in there or mount.key in leave:
                continue
            if dumped and mount.key not in rule.files:
                continue
            seen.add(mount.volume)
            paused = {} if mount.key in rule.files else _writers(facts, mount.volume, up)
            found.append(Job(service, mount.key, volume=mount.volume, path=mount.path, paused=paused))
    return found


def _writers(facts: Facts, volume: str, up: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The containers that run and write to a volume, by service."""
    names = [name for name in sorted(model.services(facts.model)) if name in up]
    return {name: up[name] for name in names if any(m.volume == volume and m.writes for m in mounts(facts, name))}


def unsaved(facts: Facts) -> dict[str, str]:
    """The volumes, by key, that any fragment says not to save, with the reason."""
    names = model.services(facts.model)
    return {key: reason for service in names for key, reason in rules(facts, service).leave.items()}


def left(facts: Facts, services: Iterable[str], there: Collection[str]) -> dict[str, str]:
    """The volumes that are not saved, with the reason."""
    return {
        mount.volume: reason
        for service in sorted(services) for mount in mounts(facts, service)
        if mount.volume in there and (reason := rules(facts, service).leave.get(mount.key))
    }  # fmt: skip


def lines(wanted: Iterable[Job], before: Manifest | None) -> list[str]:
    """The plan, a line for each job; `before` is the last backup, which tells how long a pause was."""
    return [_line(job, before.parts if before else []) for job in wanted]


def _line(job: Job, parts: list[Part]) -> str:
    if job.dump:
        each = " (one for each)" if job.dump.each else ""
        return f"{job.service}: {job.name} by the program itself{each}, which goes on"
    how = f"{job.service}: the files of {job.volume}"
    if not job.paused:
        return f"{how}, with nothing paused"
    last = next((p for p in parts if (p.service, p.name, p.kind) == (job.service, job.name, "files")), None)
    took = f" ({last.seconds:.1f} s last time)" if last else ""
    return f"{how}, with {', '.join(job.paused)} paused for as long as that takes{took}"
