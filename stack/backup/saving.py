"""A backup: each job as a snapshot, the checkout's own files, and last the manifest, which makes it one."""

import contextlib
import time
from collections.abc import Iterable

import msgspec

from stack import docker, tree
from stack.backup import folder, manifest, pausing, pipes, project, repository
from stack.backup.jobs import Job, rules
from stack.backup.manifest import PROJECT, Manifest, Part
from stack.backup.repository import Repository
from stack.docker import Container
from stack.errors import Problem, StackError, fail
from stack.names import size
from stack.output import meter
from stack.output.progress import Progress
from stack.planning.planner import Planned

ANSWER_S = 60.0
"""Seconds for a program to answer the question of its fragment."""
ANSWER_LIMIT = 200
MANIFEST = "manifest.json"


def make(planned: Planned, wanted: Iterable[Job], running: Iterable[Container], repo: Repository, secrets: bool,
         version: str, progress: Progress) -> tuple[Manifest, list[Problem]]:  # fmt: skip
    """Save the jobs as a new backup, and tell who did not answer: what such a one has is saved none the less. Raises
    StackError where a job fails: what is in the repository then is no backup, and the next one forgets it."""
    since = time.monotonic()
    name = time.strftime("%Y-%m-%d-%H%M%S", time.gmtime())
    if any(one.name == name for one in folder.listed(repo.folder)):
        raise fail("backup-twice", f"there is a backup {name} already", str(repo.folder), "try again in a second")
    if left := loose(repo):
        repository.forget(repo, left, prune=False)
    by_service = {container.service: container for container in running if container.state == "running"}
    parts: list[Part] = []
    asked: dict[str, str | StackError] = {}
    for job in wanted:
        question = rules(planned.facts, job.service).question
        if question and job.service in by_service and job.service not in asked:
            asked[job.service] = answer(by_service[job.service].id, question, job.service)
        parts += _saved(job, repo, name, progress)
    silent = {service: said for service, said in asked.items() if isinstance(said, StackError)}
    parts.append(_project(planned, repo, name, secrets))
    made = Manifest(
        name, planned.plan.project, version, parts, secrets=secrets,
        profiles=planned.checkout.settings.value("STACK_PROFILES"), sources=_sources(planned, parts),
        images={s: c.image_id for s, c in by_service.items()},
        answers={service: said for service, said in asked.items() if isinstance(said, str)}, silent=sorted(silent),
        seconds=round(time.monotonic() - since, 1),
    )  # fmt: skip
    data = manifest.encode(made)
    repository.save_bytes(repo, data, MANIFEST, name)
    tree.write(repo.folder / f"{name}.json", data, 0o600)
    return made, [_unsure(problem) for said in silent.values() for problem in said.problems]


def answer(container: str, question: list[str], service: str) -> str | StackError:
    """The same as `ask`, with the error as a value."""
    try:
        return ask(container, question, service)
    except StackError as error:
        return error


def _unsure(problem: Problem) -> Problem:
    """That a service did not answer, in words for one whose data is saved by now."""
    return msgspec.structs.replace(problem, message=f"{problem.message}; its data is saved as it is")


def loose(repo: Repository) -> list[str]:
    """The snapshots of no whole backup: of one that was cut off, or removed. Where there are as many as the backups
    have, restic is not asked."""
    whole = folder.names(repo.folder)
    there = repository.inside(repo.folder, "snapshots")
    due = sum(len({part.snapshot for part in one.parts}) + 1 for one in folder.listed(repo.folder))
    if there is not None and len(there) == due:
        return []
    return [one["id"] for one in repository.snapshots(repo) if not whole & set(one.get("tags") or [])]


def _sources(planned: Planned, parts: Iterable[Part]) -> dict[str, str]:
    services = {part.service for part in parts} - {PROJECT}
    return {s: planned.facts.sources[planned.facts.catalog.fragment_of(s)] for s in sorted(services)}


def _saved(job: Job, repo: Repository, tag: str, progress: Progress) -> list[Part]:
    if job.dump is None:
        return [_files(job, repo, tag, progress)]
    dump = job.dump
    items = listing(job.container, dump.each, job.service) if dump.each else [""]
    with pipes.beside(job.container, repo.pipe) if dump.beside else contextlib.nullcontext("") as beside:
        return [_dumped(job, item, dump.save, beside, repo, tag, progress) for item in items]


def listing(container: str, words: list[str], service: str) -> list[str]:
    """The names that a fragment's `each` prints. Raises StackError where it fails."""
    return ask(container, words, service, whole=True).splitlines()


def _dumped(job: Job, item: str, save: list[str], beside: str, repo: Repository, tag: str,
            progress: Progress) -> Part:  # fmt: skip
    part = Part(job.service, "dump", job.name, item)
    since, tell = time.monotonic(), _teller(progress, part.title())
    if beside:
        snapshot, amount = repository.save_pipe(repo, beside, save, item, file_of(part), tag, tell)
    else:
        source = ["docker", "exec", "-e", f"ITEM={item}", job.container, *save]
        snapshot, amount = repository.save_stream(repo, source, file_of(part), tag, tell)
    progress.tell(part.title(), f"done, {size(amount)}")
    took = round(time.monotonic() - since, 2)
    return msgspec.structs.replace(part, snapshot=snapshot, bytes=amount, seconds=took)


def file_of(part: Part) -> str:
    """What a dump is called in its snapshot: the item may be any text."""
    return f"{part.service}.{part.name}"


def _files(job: Job, repo: Repository, tag: str, progress: Progress) -> Part:
    part = Part(job.service, "files", job.name, path=job.path, paused=sorted(job.paused))
    with pausing.paused(job.paused):
        since = time.monotonic()
        snapshot, amount = repository.save_files(repo, job.name, tag, _teller(progress, part.title()))
    took = round(time.monotonic() - since, 2)
    progress.tell(part.title(), f"done, {size(amount)}")
    return msgspec.structs.replace(part, snapshot=snapshot, bytes=amount, seconds=took)


def _project(planned: Planned, repo: Repository, tag: str, secrets: bool) -> Part:
    checkout = planned.checkout
    without = None if secrets else {*checkout.secrets}
    own = [one for one in checkout.roots if one and (checkout.root / one).resolve().is_relative_to(checkout.root)]
    data = project.collect(checkout.root, own, without)
    snapshot, amount = repository.save_bytes(repo, data, project.FILE, tag)
    return Part(PROJECT, "project", "settings", snapshot=snapshot, bytes=amount)


def ask(container: str, question: list[str], service: str, whole: bool = False) -> str:
    """What a program in its container answers. Raises StackError where it fails or says nothing."""
    done = docker.run(["exec", container, *question], timeout=ANSWER_S)
    text = done.stdout.strip()
    if done.returncode or not text:
        words = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it said nothing"]
        raise fail("backup-question", f"{service} does not answer: {words[0]}", service, f"./inv doctor {service}")
    return text if whole else text[:ANSWER_LIMIT]


def _teller(progress: Progress, title: str) -> repository.Tell:
    """Bytes, rate and time left, as they come."""
    since = time.monotonic()

    return lambda done, total: progress.tell(title, meter.state(done, total, time.monotonic() - since))
