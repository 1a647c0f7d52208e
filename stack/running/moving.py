"""What images move to: the digests that their tags have now, and what is known of each step. Pure, but for `ask`."""

from collections.abc import Iterable, Mapping

import msgspec

from stack.planning import locks, pins
from stack.planning.changes import Change
from stack.planning.locks import Table
from stack.planning.pins import Pin
from stack.planning.plan import Service
from stack.running import locking, registries
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
