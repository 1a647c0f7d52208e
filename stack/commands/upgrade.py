"""`inv upgrade`: services to what the files name and their tags are now, one after the other; back where one fails."""

from functools import partial
from pathlib import Path

import msgspec

from stack import docker, tree
from stack.authoring import unfinished
from stack.backup import earlier, folder, jobs, sources
from stack.backup import saving as asking
from stack.backup.jobs import Job
from stack.backup.manifest import Manifest
from stack.cluster import chosen
from stack.commands import backup, restore, rollback, up
from stack.doctor.checks import volume_version
from stack.errors import FAILED, Problem, StackError
from stack.output import consent
from stack.output.progress import Progress
from stack.output.result import Result
from stack.planning import locks, planner, remote
from stack.planning.planner import Planned, Request
from stack.running import history, images, moving, pull, rolling
from stack.running.moving import Upgrade


def run(services: tuple[str, ...], yes: bool, timeout: str, without_backup: bool) -> Result:
    """Say what moves and ask; pull all of it; back up the data of what moves; then start it service by service, those
    that others depend on first, and wait for each to be healthy and to answer its question. Where one does not, all
    goes back to how it was, with that data."""
    seconds = up.seconds(timeout)
    root = tree.root()
    chosen.one_machine(root, "upgrade", "./inv lock takes what is new, and ./inv up replaces one task after the other")
    with tree.locked(root):
        upgrade = moving.upgrade(root, services)
        if not upgrade.moves:
            lines = ["nothing is known to be newer; nothing was changed"]
            return Result(_data(upgrade, []), upgrade.problems, lines=lines)
        saved_first = [] if without_backup else _jobs(upgrade)
        if saved_first:
            remote.without_folders("./inv upgrade --without-backup")
        said = [*moving.preview(upgrade.moves), *(f"saved first: {line}" for line in jobs.lines(saved_first, None))]
        consent.agree("\n".join(["this would move:", *said]), "./inv upgrade --yes", yes=yes)
        return _moved(root, upgrade, saved_first, seconds)


def _jobs(upgrade: Upgrade) -> list[Job]:
    """What there is to save of the services that move."""
    names, planned = [move.service for move in upgrade.moves], upgrade.planned
    return jobs.jobs(planned.facts, names, docker.containers(planned.plan.project), docker.volumes())


def _moved(root: Path, upgrade: Upgrade, wanted: list[Job], timeout: float) -> Result:
    # Noted before a tag can come to mean another image.
    before, lock = _before(root, upgrade), unfinished.found(root / locks.FILE)
    progress = Progress()
    with progress.shown():
        pull.each(upgrade.pulls, progress)
    saved = _saved(root, upgrade, wanted, progress)
    standing = planner.widened(upgrade.planned, [c.name for c in upgrade.changes if c.action == "beyond"])
    done: list[str] = []
    reborn: set[str] = set()
    names = {move.service for move in upgrade.moves}
    with up.noted(standing, [change for change in upgrade.changes if change.name in names]) as lost:
        if upgrade.table:
            locks.write(root, upgrade.table)
        wrong = _each(root, upgrade, wanted, timeout, saved, done, reborn)
        lost += [problem.where for problem in wrong]
    if wrong:
        # What was moved to a new volume left the old one as it was.
        tried = {move.service for move in upgrade.moves[: len(done) + 1]} - reborn
        return _back(root, upgrade, before, lock, wrong, saved, tried)
    more = f"; with --data to that of backup {saved.name}, too" if saved else ""
    return Result(_data(upgrade, done), upgrade.problems, lines=[f"moved: {', '.join(done)}", UNDO + more])


STOP_LIMIT_S = 300.0
"""Seconds for those that use a database to end, each within its own grace time."""
UNDO = "./inv rollback goes back to how it was, but for the data"


def _saved(root: Path, upgrade: Upgrade, wanted: list[Job], progress: Progress) -> Manifest | None:
    """A backup of what moves; None where none of it has data, or none is wanted."""
    if not wanted:
        return None
    checkout, project = upgrade.planned.checkout, upgrade.planned.plan.project
    place = folder.of(root, checkout.settings.value("BACKUP_DIR"))
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    what = backup.Wanted(upgrade.planned, docker.containers(project), wanted, {})
    with progress.shown(), folder.held(place):
        made, problems = backup.save(what, place, secrets=True, progress=progress)
    upgrade.problems.extend(one for one in problems if one not in upgrade.problems)
    return made


def _before(root: Path, upgrade: Upgrade) -> history.Entry:
    """The entry of what runs now; one is made where there is none."""
    entries = history.read(root)
    if not entries:
        with up.noted(planner.widened(upgrade.planned, []), []):
            pass
        entries = history.read(root)
    return entries[-1]


def _each(root: Path, upgrade: Upgrade, wanted: list[Job], timeout: float, saved: Manifest | None, done: list[str],
          reborn: set[str]) -> list[Problem]:  # fmt: skip
    """Move one service after the other; gives back why one failed. Jobs that wait for one run again with it. One whose
    data the newer program does not read is `reborn`: its dump goes into a new volume."""
    for move in upgrade.moves:
        jobs = [s.name for s in upgrade.planned.plan.services if s.one_shot and move.service in s.depends_on]
        try:
            if saved and _unread(upgrade.planned, move.service, saved):
                reborn.add(move.service)
                jobs = [*jobs, *_reborn(root, upgrade, [job for job in wanted if job.service == move.service])]
            result = up.within(Request(services=(move.service, *jobs), once=True), timeout)
        except StackError as error:
            return error.problems
        if result.exit_code:
            return result.problems
        if silent := _silent_one(upgrade.planned, move.service):
            return silent
        done.append(move.service)
    return []


def _reborn(root: Path, upgrade: Upgrade, wanted: list[Job]) -> list[str]:
    """Dump a service once more while nobody that waits for it runs, so that nothing is written after that, and fill a
    new volume from it for the newer image. Gives those that are to be started again."""
    plan, service = upgrade.planned.plan, wanted[0].service
    running = {c.service for c in docker.containers(plan.project) if c.state == "running"}
    writers = [s.name for s in plan.services if service in s.depends_on and s.name in running]
    if writers:
        docker.ask(["compose", "-p", plan.project, "stop", *writers], cwd=root, timeout=STOP_LIMIT_S)
    saved = _saved(root, upgrade, wanted, Progress())
    assert saved, "what has a dump has a job"
    with sources.found(root, saved.name) as found:
        restore.restored(root, found, (service,), yes=True)
    return writers


def _unread(planned: Planned, service: str, saved: Manifest) -> str:
    """Why the newer image of a service does not read the data that it has, of what is saved as a dump."""
    if not any(part.service == service and part.kind == "dump" for part in saved.parts):
        return ""
    progress = Progress()
    with progress.shown():
        images.obtain(planned, {service}, progress)
        image = next(one.image for one in planned.plan.services if one.name == service)
        found = (volume_version.unread(one.volume, one.path, image) for one in jobs.mounts(planned.facts, service))
        why = next(filter(None, found), "")
        if why:
            progress.say(f"{service}: {why}, so its dump goes into a new volume")
    return why


def _silent_one(planned: Planned, service: str) -> list[Problem]:
    """Why a service does not answer the question of its fragment; nothing where it does, or there is none."""
    question = jobs.rules(planned.facts, service).question
    up_ = [c for c in docker.containers(planned.plan.project) if c.service == service and c.state == "running"]
    try:
        for one in up_[:1] if question else []:
            asking.ask(one.id, question, service)
    except StackError as error:
        return error.problems
    return []


def _back(root: Path, upgrade: Upgrade, before: history.Entry, lock: bytes | None, wrong: list[Problem],
          saved: Manifest | None, tried: set[str]) -> Result:  # fmt: skip
    """All as it was: what ran, the settings that it ran by, the lock as it was found, and the data."""
    moment = history.moment(root, before.number).with_file(locks.FILE, lock)
    way = rolling.way(root, moment, before.images, docker.containers(upgrade.planned.plan.project))
    rolling.with_data(way, (), "./inv history, for another start")
    way, told_of_data = _with_data(root, way, saved, tried)
    failed = rollback.going(root, way, before, Progress())
    lost = [failure.service for failure in failed if not failure.retry]
    how = f"and {', '.join(lost)} did not come back" if lost else "so all is as it was before, settings included"
    wrong = [*wrong, *told_of_data]
    told = Problem("upgrade", f"{wrong[0].where or 'a service'} did not get there, {how}", wrong[0].where,
                   "mend it, or leave that image as it was; then ./inv upgrade")  # fmt: skip
    return Result(_data(upgrade, []), [*wrong, told, *rollback.explained(root, failed)], FAILED, [rollback.NEXT])


def _with_data(root: Path, way: rolling.Way, saved: Manifest | None,
               tried: set[str]) -> tuple[rolling.Way, list[Problem]]:  # fmt: skip
    """The way with the data that the services had which were moved; where that can't be had, without, and why."""
    parts = [part for part in saved.data() if part.service in tried] if saved else []
    if saved is None or not parts:
        return way, []
    progress = Progress()
    try:
        with sources.found(root, saved.name) as found, progress.shown():
            return earlier.filled(root, way, partial(sources.opened, root, found), parts, progress), []
    except StackError as error:
        names = ", ".join(sorted({part.service for part in parts}))
        fix = f"./inv restore {saved.name}"
        return way, [
            *error.problems,
            Problem("upgrade-data", f"the data of {names} is as the upgrade left it", "", fix),
        ]


def _data(upgrade: Upgrade, done: list[str]) -> dict[str, object]:
    return {"moves": msgspec.to_builtins(upgrade.moves), "pulls": upgrade.pulls, "moved": done}
