"""What a backup says of itself: its parts, and what they were made from. Pure."""

import datetime as dt
import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from stack.errors import USAGE, StackError, fail
from stack.names import echoed

FORMAT = 1
"""Of the manifest. What reads an older one is written with the change that makes a newer."""
NAME = re.compile(r"\d{4}-\d\d-\d\d-\d{6}")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
SPANS = {"d": "%Y-%m-%d", "w": "%G-%V", "m": "%Y-%m", "y": "%Y"}
"""What is the same of all backups of a day, week, month or year (UTC, as their names)."""
PROJECT = "project"
"""The service, as a part says it, of the checkout's own files."""


class Part(msgspec.Struct, frozen=True):
    """One snapshot of a backup: a `dump` by the program itself, the `files` of a volume, or the `project`'s own files.
    `name` is the dump's or the volume's, `item` what the dump is of, `path` where the service mounts the volume;
    `seconds` is how long it took, for which `paused` lists the services that stood still."""

    service: str
    kind: Literal["dump", "files", "project"]
    name: str
    item: str = ""
    path: str = ""
    snapshot: str = ""
    bytes: int = 0
    seconds: float = 0.0
    paused: list[str] = []

    def title(self) -> str:
        """How a message calls it."""
        return " ".join(word for word in (self.service, self.name, self.item) if word)


class Manifest(msgspec.Struct, frozen=True):
    """A whole backup. `answers` has what each service said to its question, and `silent` has who did not answer;
    `secrets` tells whether they are in it, `sources` and `images` are those of the services at that time."""

    name: str
    project: str
    version: str
    parts: list[Part]
    format: int = FORMAT
    secrets: bool = True
    profiles: str = ""
    sources: dict[str, str] = {}
    images: dict[str, str] = {}
    answers: dict[str, str] = {}
    silent: list[str] = []
    seconds: float = 0.0

    def bytes(self) -> int:
        """What its parts hold, before compression."""
        return sum(part.bytes for part in self.parts)

    def data(self) -> list[Part]:
        """Its parts without the checkout's own files."""
        return [part for part in self.parts if part.kind != PROJECT]

    def services(self) -> list[str]:
        """The services that have a part in it."""
        return sorted(owners(self.data()))


def owners(parts: Iterable[Part]) -> list[str]:
    """Whose parts these are, each once, in their order."""
    return list(dict.fromkeys(part.service for part in parts))


class _Head(msgspec.Struct):
    format: int


def encode(made: Manifest) -> bytes:
    """The manifest as it is stored."""
    return msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"


def decode(data: bytes, where: str) -> Manifest:
    """A manifest as read. Raises StackError for one of a newer version, and for one that nobody here wrote."""
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format > FORMAT:
            message = f"this backup has format {head.format}, and this version reads up to {FORMAT}"
            raise fail("backup-newer", message, where, "./inv update")
        found = msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise fail("backup-broken", f"this is no manifest of a backup: {error}", where, "take another backup") from None
    return _checked(found, where)


def _checked(found: Manifest, where: str) -> Manifest:
    """A manifest whose names can be part of paths. Raises StackError for any other."""
    words = [found.project, *(word for part in found.parts for word in (part.service, part.name))]
    wrong = [word for word in words if not WORD.fullmatch(word)]
    wrong += [part.snapshot for part in found.parts if not re.fullmatch(r"[0-9a-f]{8,64}", part.snapshot)]
    wrong += [] if NAME.fullmatch(found.name) else [found.name]
    if wrong:
        message = f"{echoed(wrong[0])} is no name that a backup has"
        raise fail("backup-broken", message, where, "take another backup")
    return found


def latest(found: list[Manifest]) -> Manifest | None:
    """The newest of several."""
    return max(found, key=lambda one: one.name, default=None)


def absent(name: str, there: list[str], where: str) -> StackError:
    """The error of a backup that is not in the folder; without a name, of none at all."""
    if not there:
        return fail("backup-missing", "there is no backup yet", where, "./inv backup")
    message = f"there is no backup {echoed(name)}: there are {', '.join(there[-3:])}"
    return fail("backup-missing", message, where, "./inv backup.list")


def kept(names: Iterable[str], keep: str) -> set[str]:
    """Of the names of backups those that stay by a rule as `7d,4w,6m`: the newest of each of the last 7 days, 4 weeks
    and 6 months that have one. Raises StackError for another form."""
    found: set[str] = set()
    newest = sorted(names, reverse=True)
    for word in keep.replace(" ", "").split(","):
        count, unit = word[:-1], word[-1:]
        if unit not in SPANS or not (count.isascii() and count.isdecimal() and 0 < int(count) < 10_000):
            message = f"--keep: expected numbers with d, w, m or y, as 7d,4w,6m, got {echoed(keep)}"
            raise fail("usage", message, "--keep", "./inv backup.remove --keep 7d,4w,6m", USAGE)
        spans: dict[str, str] = {}
        for name in newest:
            spans.setdefault(dt.datetime.strptime(name, "%Y-%m-%d-%H%M%S").strftime(SPANS[unit]), name)
        found |= set(list(spans.values())[: int(count)])
    return found
