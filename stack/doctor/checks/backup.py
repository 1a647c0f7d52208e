"""The age of the last backup, where there is data; and what no backup has."""

import datetime as dt
import shutil
from collections.abc import Iterable
from pathlib import Path

from stack.backup import folder, jobs
from stack.backup.manifest import Manifest, latest
from stack.doctor.check import OK, WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.names import size

OLD_DAYS = 8
"""A weekly backup that is a day late is no reason for a word."""


def findings(found: list[Manifest], data: set[str], now: dt.datetime, free: int | None) -> Iterable[Finding]:
    """What is wrong with the backups `found` of a project with these volumes; `free` are the bytes beside them."""
    last = latest(found)
    if not data:
        return
    if last is None:
        yield Finding(
            "there is data, and no backup of it", "a lost disk or `.env` is the end of it", "./inv backup", OK
        )
        return
    made = dt.datetime.strptime(last.name, "%Y-%m-%d-%H%M%S").replace(tzinfo=dt.UTC)
    days = (now - made).days
    if days > OLD_DAYS:
        yield Finding(
            f"the last backup is {days} days old", "what came since is saved nowhere", "./inv backup", WARNING
        )
    if free is not None and free < last.bytes():
        seen = f"beside the backups {size(free)} are free, and the last one holds {size(last.bytes())}"
        yield Finding(seen, "a next one may not fit", "./inv backup.remove --keep 7d,4w,6m", WARNING)


def unsaved(found: list[Manifest], wanted: Iterable[tuple[str, str]]) -> Iterable[Finding]:
    """The (service, volume) that have data, and that no backup has."""
    saved = {(part.service, part.name) for one in found for part in one.parts}
    dumped = {part.service for one in found for part in one.parts if part.kind == "dump"}
    for service, name in wanted if found else ():
        if (service, name) not in saved and service not in dumped:
            seen = f"no backup has the volume {name} of {service}"
            yield Finding(seen, "its data is saved nowhere", "./inv backup", WARNING, service)


def _run(scene: Scene) -> Iterable[Finding]:
    place = folder.of(scene.root, scene.checkout.settings.value("BACKUP_DIR"))
    found = folder.listed(place)
    yield from findings(found, set(scene.volumes), dt.datetime.now(dt.UTC), _free(place))
    if found:
        facts = scene.planned.facts
        wanted = jobs.jobs(facts, facts.catalog.services(), [], set(scene.volumes))
        yield from unsaved(found, [(job.service, job.name) for job in wanted])


def _free(place: Path) -> int | None:
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None


CHECK = Check(
    id="backup",
    section="data",
    holds="what there is is saved: the last backup is young, has every volume, and a next one fits beside it",
    run=_run,
    needs=("planned", "engine", "volumes"),
)
