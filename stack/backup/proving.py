"""Whether a backup is what it says: what its programs hold on volumes that are filled from it, and thrown away."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from stack import docker
from stack.backup import manifest, repository, restoring, saving, scratch, settings
from stack.backup.jobs import rules
from stack.backup.manifest import Manifest, Part
from stack.backup.restoring import Opened
from stack.errors import Problem, StackError
from stack.names import echoed
from stack.output.progress import Progress
from stack.planning import checkouts, planner
from stack.planning.planner import Planned, Request
from stack.running import images


def proved(root: Path, whole: Opened, repo_of: repository.Place, parts: list[Part],
           progress: Progress) -> tuple[dict[str, str], list[Problem]]:  # fmt: skip
    """Fill volumes that nobody uses from a backup, and ask each program in it what it holds: the answers, and what is
    to be said of them. Raises StackError where a part does not come over whole, or a program does not answer."""
    dotenv = settings.of(root, whole)
    first = planner.make_from(checkouts.read(root, dotenv=dotenv), Request())
    known = restoring.known(first, parts)
    dotenv |= images.elsewhere(first, _run(first, known), progress)
    first = planner.make_from(checkouts.read(root, dotenv=dotenv), Request())
    room = restoring.room(first, parts, fresh=True)
    planned = planner.make_from(checkouts.read(root, dotenv={**dotenv, "DATA_VOLUMES": room.pointers or ""}), Request())
    made: list[str] = []
    names = [name for name in manifest.owners(known) if rules(planned.facts, name).question]
    heard: dict[str, str | StackError] = {}

    def ask(service: str, container: str) -> None:
        if service in names:
            heard[service] = saving.answer(container, rules(planned.facts, service).question, service)

    try:
        images.obtain(planned, _run(planned, known), progress)
        restoring.make(planned, room.keys, made)
        restoring.fill(planned, repo_of, parts, room.where, progress, ask)
        answers, silent = answered(names, partial(_answer, planned, progress, heard), whole.manifest)
    finally:
        docker.run(["volume", "rm", *made], timeout=60)
    return answers, [*silent, *differing(answers, whole.manifest), *lacking(room.where, parts)]


def _run(planned: Planned, parts: Iterable[Part]) -> set[str]:
    """The services that are run for these parts, to take them in or to answer."""
    asked = {service for service in manifest.owners(parts) if rules(planned.facts, service).question}
    return asked | restoring.needed(planned, parts)


def _answer(planned: Planned, progress: Progress, heard: Mapping[str, str | StackError], service: str) -> str:
    """What a service answers: as it was `heard` already, or by a start on its volumes."""
    if service in heard:
        if isinstance(said := heard[service], StackError):
            raise said
        return said
    progress.tell(service, "asking what it holds")
    with scratch.running(planned, service) as container:
        answer = saving.ask(container, rules(planned.facts, service).question, service)
    progress.tell(service, "done")
    return answer


def asked(planned: Planned, found: Manifest, parts: Iterable[Part]) -> list[Problem]:
    """Ask each restored program that runs its question. Raises StackError where one does not answer that did as the
    backup was made; another answer than then is told."""
    up = {c.service: c.id for c in docker.containers(planned.plan.project) if c.state == "running"}
    questions = {s: q for s in manifest.owners(parts) if s in up and (q := rules(planned.facts, s).question)}
    answers, silent = answered(questions, lambda s: saving.ask(up[s], questions[s], s), found)
    return [*silent, *differing(answers, found)]


def answered(services: Iterable[str], ask: Callable[[str], str],
             found: Manifest) -> tuple[dict[str, str], list[Problem]]:  # fmt: skip
    """What each of these services answers, as `ask` has it; and what is to be said of those that don't, and did not as
    the backup was made. Raises StackError for any other that does not."""
    answers: dict[str, str] = {}
    silent: list[Problem] = []
    for service in services:
        try:
            answers[service] = ask(service)
        except StackError as error:
            if service not in found.silent:
                raise
            silent += [replace(one, message=f"{one.message}, as when it was saved") for one in error.problems]
    return answers, silent


def differing(answers: Mapping[str, str], found: Manifest) -> list[Problem]:
    """What a program holds now, where it held something else when the backup began."""
    return [
        Problem("restore-differs", f"{s} has {echoed(answer)}, and had {echoed(before)} as the backup began", s)
        for s, answer in answers.items() if (before := found.answers.get(s)) and before != answer
    ]  # fmt: skip


def lacking(where: Mapping[str, list[str]], parts: Iterable[Part]) -> list[Problem]:
    """What of a backup has no place here."""
    lost = [part.title() for part in parts if not where.get(part.title())]
    message = "there is no such service here, or it comes from elsewhere, so its data was left in the backup"
    return [Problem("restore-left", f"{title}: {message}", title, "./inv source") for title in lost]
