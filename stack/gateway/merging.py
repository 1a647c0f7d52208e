"""The gateway's file where the user and upstream both changed it. Pure.

Both add to the end of a list, which git calls a conflict; here the user's entries come behind upstream's, as if they
had been added to the newer file."""

import json
from collections.abc import Iterable, Iterator

from stack.errors import StackError
from stack.gateway import kongfile
from stack.git import Clash


def joined(pieces: Iterable[bytes | Clash]) -> list[bytes | Clash]:
    """The pieces of git's merge, with what both sides put into one place, where nothing was before, in a row."""
    return [p.theirs + p.ours if isinstance(p, Clash) and not p.base else p for p in pieces]


def strange(text: bytes, ours: bytes, base: bytes, theirs: bytes) -> str:
    """The first entry of a merged file that is not as the side has it that changed it; empty where all are. Lines that
    fit may still come together as something that nobody wrote. An entry that both changed, in other lines, is taken as
    it comes."""
    try:
        merged, mine, old, new = (dict(_entries(part)) for part in (text, ours, base, theirs))
    except _TwiceError as error:
        return str(error)
    except (StackError, UnicodeDecodeError):
        return "the whole file"
    for key in {**mine, **new, **old, **merged}:
        if not _kept(*(side.get(key) for side in (mine, old, new, merged))):
            return _words(key)
    return ""


def _words(key: tuple[str, ...]) -> str:
    return " ".join(key[:2])


def _kept(mine: str | None, old: str | None, new: str | None, merged: str | None) -> bool:
    if mine == old:
        return merged == new
    if new in (mine, old):
        return merged == mine
    return old is not None


class _TwiceError(Exception):
    """Two entries of one name."""


def _entries(data: bytes) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each entry by its list and what it is known by, and each other key."""
    seen = set()
    for kind, value in kongfile.read(data.decode("utf-8-sig")).items():
        for item in value if isinstance(value, list) else [value]:
            said = json.dumps(item, default=str, sort_keys=True)
            key = (str(kind), *(kongfile.called(item) or ((said,) if isinstance(value, list) else ())))
            if key in seen:
                raise _TwiceError(_words(key))
            seen.add(key)
            yield key, said
