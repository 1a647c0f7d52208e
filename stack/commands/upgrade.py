"""`inv upgrade`: services to what the files name and their tags are now, one after the other; back where one fails."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import msgspec

from stack import docker, tree
from stack.backup import earlier, folder, jobs, sources
from stack.backup import saving as asking
from stack.backup.jobs import Job
from stack.backup.manifest import Manifest
from stack.commands import backup, restore, rollback, up
from stack.doctor.checks import volume_version
from stack.errors import FAILED, USAGE, Problem, StackError, fail
from stack.names import echoed, suggest
from stack.output import consent
from stack.output.progress import Progress
from stack.output.result import Result
from stack.planning import compare, locks, pins, planner, remote, saving
from stack.planning.changes import Change
from stack.planning.locks import Table
from stack.planning.planner import Planned, Request
from stack.running import history, images, moving, pull, rolling
from stack.running.moving import Move
from stack.running.registries import Answer


class Step(msgspec.Struct, frozen=True):
    """What is to be done: the plan as it is to be, the lock, what changes, the steps, and the images to pull first."""

    planned: Planned
    table: Table
    changes: list[Change]
    moves: list[Move]
    pulls: list[str]
    problems: list[Problem]
    jobs: list[Job] = []


def run(services: tuple[str, ...], yes: bool, timeout: str, without_backup: bool) -> Result:
    """Say what moves and ask; pull all of it; back up the data of what moves; then start it service by service, those
    that others depend on first, and wait for each to be healthy and to answer its question. Where one does not, all
    goes back to how it was, with that data."""
    seconds = up.seconds(timeout)
    root = tree.root()
    with tree.locked(root):
        step = _step(root, services)
        step = step if without_backup else msgspec.structs.replace(step, jobs=_jobs(step))
        if not step.moves:
            return Result(_data(step, []), step.problems, lines=["nothing is known to be newer; nothing was changed"])
        if step.jobs:
            remote.without_folders()
        said = [*preview(step.moves), *(f"saved first: {line}" for line in jobs.lines(step.jobs, None))]
        consent.agree("\n".join(["this moves:", *said]), "./inv upgrade --yes", yes=yes)
        return _moved(root, step, seconds)


def _step(root: Path, asked: tuple[str, ...]) -> Step:
    first = planner.make(root, Request())
    running = docker.containers(first.plan.project)
    compare.check_owner(root, first.plan.project, running)
    if not running:
        raise fail("nothing-runs", "nothing of this project runs, so there is nothing to move", fix="./inv up")
    chosen, pulled = _chosen(first, asked), planner.pulled(first)
    prefix, before = first.checkout.settings.value("REGISTRY_PREFIX"), locks.read(root)
    answers = moving.ask({image for name, image in pulled.items() if name in chosen}, prefix)
    table = moving.relocked(before, answers)
    planned = planner.make_from(first.checkout, Request(), table=table)
    tags = [] if table else moving.stale(answers, _digests(answers, prefix))
    here = {name: found for name, found in images.present(planned).items() if name not in tags}
    secrets = saving.secret_values(planned.checkout)
    changes = compare.compare(planned, compare.assemble(planned), here, running, secrets)
    retagged = {name for name, image in pulled.items() if image in tags}
    told = [_retagged(c) if c.name in retagged and c.action == "unchanged" else c for c in changes]
    mine = [c for c in told if c.name in chosen and c.action not in ("unchanged", "beyond", "remove")]
    entries = history.read(root)
    ran = entries[-1].images if entries else {}
    moves = moving.moves(planned.plan.services, mine, pulled, ran, answers, pins.read(root))
    lacking = {s.image for s in planned.plan.services if s.name in chosen and not s.built and s.image not in here}
    return Step(planned, table, told, moves, sorted(lacking), _silent(answers))


def _jobs(step: Step) -> list[Job]:
    """What there is to save of the services that move."""
    names = [move.service for move in step.moves]
    facts = step.planned.facts
    return jobs.jobs(facts, names, docker.containers(step.planned.plan.project), docker.volumes()) if names else []


def _retagged(change: Change) -> Change:
    return msgspec.structs.replace(change, action="recreate", keys=["image"])


def _chosen(planned: Planned, asked: tuple[str, ...]) -> set[str]:
    """The planned services asked for with their companions; all, where none is."""
    fragment_of, names = planned.facts.catalog.fragment_of, planned.plan.names()
    for name in asked:
        if name not in names:
            hint = suggest(name, names) or f"planned are {', '.join(sorted(names))}"
            raise fail("unknown-service", f"{echoed(name)} is no planned service", "--service", hint, USAGE)
    fragments = {fragment_of(name) for name in asked}
    return {name for name in names if not asked or fragment_of(name) in fragments}


def _digests(answers: Mapping[str, Answer], prefix: str) -> dict[str, list[str]]:
    """The digests by which each image is on this machine."""
    asked = {image: docker.familiar(locks.at(image, prefix)) for image in answers}
    rows = docker.inspected("images", asked.values())
    by_name = {name: row for row in rows for name in row.get("RepoTags") or []}
    return {image: [one.partition("@")[2] for one in by_name[name].get("RepoDigests") or []]
            for image, name in asked.items() if name in by_name}  # fmt: skip


def _silent(answers: Mapping[str, Answer]) -> list[Problem]:
    told: dict[str, list[str]] = {}
    for image, answer in answers.items():
        if answer.why:
            told.setdefault(f"{answer.registry}: {answer.why}", []).append(image)
    return [Problem("registry-silent", f"nothing is known of what {', '.join(names)} is now: {why}", names[0])
            for why, names in told.items()]  # fmt: skip


def preview(moves: Iterable[Move]) -> list[str]:
    """What moves, a line for each service and one for what has to be known of its data. Pure."""
    lines = []
    for one in moves:
        size = f", {one.download_bytes / 2**20:.0f} MiB at most" if one.download_bytes is not None else ""
        step = f"{one.before} → {one.after}" if one.before and one.before != one.after else one.after
        lines.append(f"{one.service}: {step} ({', '.join(one.parts) or 'new'}{size})")
        lines += [f"  {one.moving}"] if one.moving else []
    return lines


def _moved(root: Path, step: Step, timeout: float) -> Result:
    progress = Progress()
    with progress.shown():
        failed = [o for o in pull.pull(step.pulls, lambda i, text: progress.tell(i, f"pulling {text}")) if o.kind]
    if failed:
        raise StackError([pull.problem(outcome) for outcome in failed])
    saved = _saved(root, step, progress)
    before = _before(root, step)
    if step.table:
        locks.write(root, step.table)
    standing = planner.widened(step.planned, [c.name for c in step.changes if c.action == "beyond"])
    done: list[str] = []
    reborn: set[str] = set()
    names = {move.service for move in step.moves}
    with up.noted(standing, [change for change in step.changes if change.name in names]) as lost:
        wrong = _each(root, step, timeout, saved, done, reborn)
        lost += [problem.where for problem in wrong]
    if wrong:
        # What was moved to a new volume left the old one as it was.
        tried = {move.service for move in step.moves[: len(done) + 1]} - reborn
        return _back(root, step, before, wrong, saved, tried)
    more = f"; with --data to that of backup {saved.name}, too" if saved else ""
    lines = [f"moved: {', '.join(done)}", UNDO + more]
    return Result(_data(step, done), step.problems, lines=lines)


STOP_LIMIT_S = 300.0
"""Seconds for those that use a database to end, each within its own grace time."""
UNDO = "./inv rollback goes back to how it was, but for the data"


def _saved(root: Path, step: Step, progress: Progress) -> Manifest | None:
    """A backup of what moves; None where none of it has data, or none is wanted."""
    if not step.jobs:
        return None
    checkout, project = step.planned.checkout, step.planned.plan.project
    place = folder.of(root, checkout.settings.value("BACKUP_DIR"))
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = backup.Wanted(step.planned, docker.containers(project), step.jobs, {})
    with progress.shown(), folder.held(place):
        made, problems = backup.save(wanted, place, secrets=True, progress=progress)
    step.problems.extend(one for one in problems if one not in step.problems)
    return made


def _before(root: Path, step: Step) -> history.Entry:
    """The entry of what runs now; one is made where there is none."""
    entries = history.read(root)
    if not entries:
        with up.noted(planner.widened(step.planned, []), []):
            pass
        entries = history.read(root)
    return entries[-1]


def _each(root: Path, step: Step, timeout: float, saved: Manifest | None, done: list[str],
          reborn: set[str]) -> list[Problem]:  # fmt: skip
    """Move one service after the other; gives back why one failed. Jobs that wait for one run again with it. One whose
    data the newer program does not read is `reborn`: its dump goes into a new volume."""
    for move in step.moves:
        jobs = [s.name for s in step.planned.plan.services if s.one_shot and move.service in s.depends_on]
        try:
            if saved and _unread(step.planned, move.service, saved):
                reborn.add(move.service)
                jobs = [*jobs, *_reborn(root, step, move.service)]
            result = up.within(Request(services=(move.service, *jobs), once=True), timeout)
        except StackError as error:
            return error.problems
        if result.exit_code:
            return result.problems
        if silent := _silent_one(step.planned, move.service):
            return silent
        done.append(move.service)
    return []


def _reborn(root: Path, step: Step, service: str) -> list[str]:
    """Dump a service once more while nobody that waits for it runs, so that nothing is written after that, and fill a
    new volume from it for the newer image. Gives those that are to be started again."""
    plan = step.planned.plan
    running = {c.service for c in docker.containers(plan.project) if c.state == "running"}
    writers = [s.name for s in plan.services if service in s.depends_on and s.name in running]
    if writers:
        docker.ask(["compose", "-p", plan.project, "stop", *writers], cwd=root, timeout=STOP_LIMIT_S)
    own = msgspec.structs.replace(step, jobs=[job for job in step.jobs if job.service == service])
    saved = _saved(root, own, Progress())
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


def _back(root: Path, step: Step, before: history.Entry, wrong: list[Problem], saved: Manifest | None,
          tried: set[str]) -> Result:  # fmt: skip
    moment = history.moment(root, before.number)
    way = rolling.way(root, moment, before.images, docker.containers(step.planned.plan.project))
    way, told_of_data = _with_data(root, way, saved, tried)
    failed = rollback.going(root, way, before, Progress())
    lost = [failure.service for failure in failed if not failure.retry]
    how = f"and {', '.join(lost)} did not come back" if lost else "so all is as it was before, settings included"
    wrong = [*wrong, *told_of_data]
    told = Problem("upgrade", f"{wrong[0].where or 'a service'} did not get there, {how}", wrong[0].where,
                   "mend it, or leave that image as it was; then ./inv upgrade")  # fmt: skip
    return Result(_data(step, []), [*wrong, told, *rollback.explained(root, failed)], FAILED, [rollback.NEXT])


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


def _data(step: Step, done: list[str]) -> dict[str, object]:
    return {"moves": msgspec.to_builtins(step.moves), "pulls": step.pulls, "moved": done}
