"""`inv outdated`: what the table of pins holds, and what is locked, against what the registries have."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import msgspec

from stack import tree
from stack.errors import Problem
from stack.output import consent
from stack.output.result import Result
from stack.planning import checkouts, locks, model, pins
from stack.planning.pins import Pin
from stack.running import distribution, moving, registries
from stack.running.registries import Answer


class Row(msgspec.Struct, frozen=True):
    """One pin: the newest of its line, one beyond that line, whether the pin is behind, and who says so, on which day:
    the registry, or the table. A package has the file that pins it; `why` tells why no registry said anything. Of one
    that is behind: the bytes that a pull of all of the newest brings, where that is known, and what the table says to
    who has data of an older one (`moving`) and of what lies beyond the line (`breaks`)."""

    name: str
    pin: str
    newest: str
    beyond: str
    outdated: bool
    told_by: str
    on: date
    file: str = ""
    why: str = ""
    download_bytes: int | None = None
    moving: str = ""
    breaks: str = ""


class Moved(msgspec.Struct, frozen=True):
    """A locked image whose tag is another one at the registry now."""

    image: str
    locked: str
    now: str
    download_bytes: int


def run() -> Result:
    """Ask the registries, by REGISTRY_PREFIX where that is set, for tags of each image of the table. What none tells is
    said from the table, with its age. Being behind is no failure."""
    root = tree.root()
    table = pins.read(root)
    prefix = checkouts.read(root).settings.value("REGISTRY_PREFIX")
    where = {image: _asked(pins.split(image)[0], prefix) for row in table for image in row.images()}
    today = datetime.now(UTC).date()
    asked_of = sorted({registries.place(one)[0] for one in where.values()})
    consent.tell(f"asking {', '.join(asked_of)}, {registries.WHOLE_LIMIT:.0f} s at most")
    answers = registries.ask(where.values())
    rows = [one for row in table for one in compared(row, {i: answers[a] for i, a in where.items()}, today)]
    locked = locks.read(root)
    silent = {answer.registry for answer in answers.values() if answer.silent}
    asked = [image for image in locked if registries.place(_asked(image, prefix))[0] not in silent]
    behind = moving.ask([*asked, *filter(None, map(_newest, rows))], prefix)
    rows = [_sized(row, behind.get(_newest(row))) for row in rows]
    moved = [Moved(image, one.digest, now.digest, now.download_bytes) for image, one in sorted(locked.items())
             if (now := behind[image].manifest if image in behind else None) and now.digest != one.digest]  # fmt: skip
    data = {"images": rows, "moved": moved, "registries": _registries(answers)}
    return Result(data, problems(answers), lines=[*_lines(rows, today), *_moved(moved)])


def _newest(row: Row) -> str:
    """The newer image that a registry told of; nothing where none did."""
    return f"{row.name}:{row.newest}" if row.outdated and row.told_by != "table" else ""


def _sized(row: Row, answer: Answer | None) -> Row:
    size = answer.manifest.download_bytes if answer and answer.manifest else None
    return msgspec.structs.replace(row, download_bytes=size)


def _moved(moved: list[Moved]) -> list[str]:
    """A line for each locked tag that is another image now."""
    lines = [f"{one.image} is locked at {one.locked[7:19]}, and its registry has {one.now[7:19]} now "
             f"({one.download_bytes / 2**20:.0f} MiB at most)" for one in moved]  # fmt: skip
    return [*lines, "./inv upgrade moves to these"] if lines else []


def _asked(name: str, prefix: str) -> str:
    return model.mirror(name, prefix) if prefix else name


def compared(row: Pin, answers: Mapping[str, Answer], today: date) -> list[Row]:
    """A row's pins, each against its registry's tags, or the newest that the table knows. Pure."""
    found = []
    for pin, name, tag in row.parts():
        answer = answers.get(pin, Answer(""))
        if answer.why or row.lock or not pins.version(tag):
            behind = pins.newer(row.newest, tag)
            moves = row.moving if behind else ""
            found.append(
                Row(name, tag, row.newest, "", behind, "table", row.looked_up, row.lock, answer.why, None, moves)
            )
        else:
            newest, beyond = pins.newest(tag, answer.tags, row.line)
            found.append(Row(name, tag, newest or tag, beyond, bool(newest), answer.registry, today,
                             moving=row.moving if newest else "", breaks=row.next if beyond else ""))  # fmt: skip
    return found


def _registries(answers: Mapping[str, Answer]) -> list[dict[str, object]]:
    names = sorted({answer.registry for answer in answers.values()})
    silent = {answer.registry: answer.why for answer in answers.values() if answer.silent}
    return [{"name": name, "answers": name not in silent, "why": silent.get(name, "")} for name in names]


def problems(answers: Mapping[str, Answer]) -> list[Problem]:
    """A note for each registry that does not answer, and for each reason for which one gives nothing of some images.
    Pure."""
    told: dict[tuple[str, bool, str], list[str]] = {}
    for image, answer in answers.items():
        if answer.why:
            told.setdefault((answer.registry, answer.silent, answer.why), []).append(image)
    return [_problem(*key, images) for key, images in sorted(told.items())]


def _problem(registry: str, silent: bool, why: str, images: list[str]) -> Problem:
    if silent:
        return Problem("registry-silent", f"{registry} does not answer: {why}", registry)
    fix = f"docker login {registry}" if why == distribution.LOGIN else ""
    return Problem("registry-refuses", f"{registry} gives no tags of {', '.join(images)}: {why}", registry, fix)


def _ago(days: int) -> str:
    return {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")


def _lines(rows: list[Row], today: date) -> list[str]:
    behind = sum(row.outdated for row in rows)
    are = "is" if behind == 1 else "are"
    told = [
        f"{behind} of {len(rows)} pins {are} behind" if behind else f"none of {len(rows)} pins is known to be behind"
    ]
    by_table = [row for row in rows if row.told_by == "table"]
    if by_table:
        days = (today - min(row.on for row in by_table)).days
        told.append(f"{len(by_table)} are told by {pins.FILE}, looked up {_ago(days)}")
    lines = ["; ".join(told)]
    for row in rows:
        lines += [f"{row.name}, who has data of an older one: {row.moving}"] if row.moving else []
        lines += [f"{row.name}, beyond its line: {row.breaks}"] if row.breaks else []
    return [*lines, "docs/pins.md says why each is what it is; ./inv update brings newer ones"]
