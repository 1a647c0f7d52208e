"""What of somebody's Compose file is not as it was there, and how it is told. Pure."""

from collections.abc import Iterable
from typing import NamedTuple


class Loss(NamedTuple):
    """What of their file is not as it was there: where in it, what became of it, and of which kind: `lost`, `changed`
    for what has another form here, `usual` for what every service has its place for, `set` for what is to be set,
    `made` for a secret that is generated, `data` for what their volumes hold. `fix` is what to do."""

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
SHORT = {"made": "made for you", "usual": "has its place here already"}
"""The kinds that are printed by their places alone, in one line."""


def told(lost: Iterable[Loss]) -> list[str]:
    """The losses as they are printed: a line each, and what is usual in one."""
    every = list(dict.fromkeys(lost))
    lines = [f"{start}: {_line(one)}" for code, start in KINDS.items() for one in every if one.code == code]
    names = {start: [one.path for one in every if one.code == code] for code, start in SHORT.items()}
    return lines + [f"{start}: {', '.join(paths)}" for start, paths in names.items() if paths]


def _line(loss: Loss) -> str:
    if loss.code == "data":
        return loss.fix
    if loss.code == "set":
        return f"{loss.fix} ({loss.what})" if loss.what else loss.fix
    return f"{loss.path}: {loss.what}".removesuffix(": not carried") + (f"; {loss.fix}" if loss.fix else "")
