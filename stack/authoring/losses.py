"""What of somebody's Compose file is not as it was there, and how it is told. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Loss(NamedTuple):
    """What of their file is not as it was there: where in it, what became of it, and of which kind: `lost`, `changed`
    for what has another form here, `usual` for what every service has its place for, `set` for what is to be set,
    `empty` for a credential without a value there, `made` for a secret that is generated, `data` for what their volumes
    hold. `fix` is what to do."""

    path: str
    what: str
    code: str = "lost"
    fix: str = ""


KINDS = {
    "lost": "not carried",
    "changed": "other than there",
    "data": "their data, before up",
    "set": "set before up",
}
"""The kinds of losses that are printed a line each, the worst first, and how the line begins."""
SHORT = {"empty": "may stay empty, as there", "made": "made for you"}
"""The kinds that are printed by their places alone, in one line."""


def told(lost: Iterable[Loss]) -> list[str]:
    """The losses as they are printed: a line for all of which the same is to be said, and what is usual in one."""
    every = list(dict.fromkeys(lost))
    lines = [f"{start}: {line}" for code, start in KINDS.items() for line in _lines(code, every)]
    names = {start: [one.path for one in every if one.code == code] for code, start in SHORT.items()}
    usual: dict[str, list[str]] = {}
    for service, _, key in (one.path.partition(".") for one in every if one.code == "usual"):
        usual.setdefault(key, []).append(service)
    names["needs nothing here"] = [f"{key} ({', '.join(services)})" for key, services in usual.items()]
    return lines + [f"{start}: {', '.join(paths)}" for start, paths in names.items() if paths]


def _lines(code: str, every: Iterable[Loss]) -> list[str]:
    """The lines of one kind. Of `./data: a volume takes its place` the first part stands behind the path."""
    lost = [one for one in every if one.code == code]
    if code == "data":
        return [one.fix for one in lost]
    if code == "set":
        return [one.fix + (f" ({one.what})" if one.what else "") for one in lost]
    same: dict[tuple[str, str], dict[str, list[str]]] = {}
    for one in lost:
        thing, colon, what = one.what.partition(": ")
        things = same.setdefault((what if colon else thing, one.fix), {}).setdefault(one.path, [])
        things += [thing] if colon else []
    return [_line(places, *said) for said, places in same.items()]


def _line(places: Mapping[str, list[str]], what: str, fix: str) -> str:
    where = ", ".join(path + (f" ({', '.join(things)})" if things else "") for path, things in places.items())
    return f"{where}: {what}".removesuffix(": not carried") + (f"; {fix}" if fix else "")
