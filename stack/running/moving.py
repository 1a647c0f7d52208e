"""What images move to: the digests that their tags have now, and what is known of each step."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from stack import docker
from stack.errors import USAGE, Problem, fail
from stack.names import echoed, suggest
from stack.planning import compare, locks, pins, planner, saving
from stack.planning.changes import Change
from stack.planning.locks import Table
from stack.planning.pins import Pin
from stack.planning.plan import Service
from stack.planning.planner import Planned, Request
from stack.running import history, images, locking, registries
from stack.running.history import Image
from stack.running.registries import Answer


class Move(msgspec.Struct, frozen=True):
    """One service's step: what it ran, what it is to run, the parts of its configuration that differ, the bytes that a
    pull of all of it brings where the registry told, and what the table of pins says to who has older data."""

    service: str
    before: str
    after: str
    parts: list[str]
    download_bytes: int | None = None
    moving: str = ""


def ask(images: Iterable[str], prefix: str) -> dict[str, Answer]:
    """What the registries have behind each tag now, by the image as the files name it."""
    asked = {image: locks.at(image, prefix) for image in images if image and "@" not in image}
    told = registries.manifests(asked.values(), locking.platform())
    return {image: told[name] for image, name in asked.items()}


def relocked(table: Table, answers: Mapping[str, Answer]) -> Table:
    """The lock with what the registries have now; without one there is none."""
    new = {image: locking.of_registry(answer.manifest) for image, answer in answers.items()
           if answer.manifest and (image not in table or table[image].digest != answer.manifest.digest)}  # fmt: skip
    return {**table, **new} if table else {}


def stale(answers: Mapping[str, Answer], digests: Mapping[str, Iterable[str]]) -> list[str]:
    """The images whose tag is another one at the registry than on this machine; `digests` has those of each that is
    here."""
    return sorted(image for image, answer in answers.items()
                  if answer.manifest and image in digests and answer.manifest.digest not in digests[image])  # fmt: skip


def moves(services: Iterable[Service], changed: Iterable[Change], pulled: Mapping[str, str],
          before: Mapping[str, Image], answers: Mapping[str, Answer], table: list[Pin]) -> list[Move]:  # fmt: skip
    """The steps in the order of the services, those that depend on others behind them."""
    parts = {change.name: change.keys for change in changed}
    found = []
    for service in services:
        if service.name in parts:
            answer = answers.get(pulled.get(service.name, ""))
            size = answer.manifest.download_bytes if answer and answer.manifest else None
            then = before[service.name].name if service.name in before else ""
            row = pins.row_of(service.image, table)
            found.append(Move(service.name, then, service.image, parts[service.name], size, row.moving if row else ""))
    return found


class Upgrade(msgspec.Struct, frozen=True):
    """What is to be done: the plan as it is to be, the lock, what changes, the steps, the images to pull first, and
    what is to be said."""

    planned: Planned
    table: Table
    changes: list[Change]
    moves: list[Move]
    pulls: list[str]
    problems: list[Problem]


def upgrade(root: Path, asked: tuple[str, ...]) -> Upgrade:
    """What moves of the services `asked` for with their companions, of all that have containers where none is. Raises
    StackError where nothing of it runs."""
    first = planner.make(root, Request())
    running = docker.containers(first.plan.project)
    compare.check_owner(root, first.plan.project, running)
    if not running:
        raise fail("nothing-runs", "nothing of this project runs, so there is nothing to move", fix="./inv up")
    chosen, pulled = _chosen(first, asked, {one.service for one in running}), planner.pulled(first)
    prefix, before = first.checkout.settings.value("REGISTRY_PREFIX"), locks.read(root)
    answers = ask({image for name, image in pulled.items() if name in chosen}, prefix)
    table = relocked(before, answers)
    planned = planner.make_from(first.checkout, Request(), table=table)
    tags = [] if table else stale(answers, _digests(answers, prefix))
    here = {name: found for name, found in images.present(planned).items() if name not in tags}
    secrets = saving.secret_values(planned.checkout)
    told = compare.compare(planned, compare.assemble(planned), here, running, secrets)
    retagged = {name for name, image in pulled.items() if image in tags}
    changed = [_retagged(c) if c.name in retagged and c.action == "unchanged" else c for c in told]
    mine = [c for c in changed if c.name in chosen and c.action not in ("unchanged", "beyond", "remove")]
    entries = history.read(root)
    ran = entries[-1].images if entries else {}
    found = moves(planned.plan.services, mine, pulled, ran, answers, pins.read(root))
    lacking = {s.image for s in planned.plan.services if s.name in chosen and not s.built and s.image not in here}
    return Upgrade(planned, table, changed, found, sorted(lacking), _silent(answers))


def _retagged(change: Change) -> Change:
    return msgspec.structs.replace(change, action="recreate", keys=["image"])


def _chosen(planned: Planned, asked: tuple[str, ...], there: set[str]) -> set[str]:
    """The planned services asked for with their companions; all of which something is `there`, where none is: what does
    not run is for `up`."""
    fragment_of, names = planned.facts.catalog.fragment_of, planned.plan.names()
    alive = {fragment_of(name) for name in names if name in there}
    for name in asked:
        if name not in names:
            hint = suggest(name, names) or f"planned are {', '.join(sorted(names))}"
            raise fail("unknown-service", f"{echoed(name)} is no planned service", "--service", hint, USAGE)
        if fragment_of(name) not in alive:
            raise fail("nothing-runs", f"{name} does not run, so there is nothing to move", name, "./inv up")
    fragments = {fragment_of(name) for name in asked} or alive
    return {name for name in names if fragment_of(name) in fragments}


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
