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


KINDS = {"lost": "not carried", "changed": "other than there", "set": "set before up"}
"""The kinds of losses that are printed a line each, the worst first, and how the line begins."""


def told(lost: Iterable[Loss]) -> list[str]:
    """The losses as they are printed: a line each, and what is usual in one."""
    every = list(dict.fromkeys(lost))
    lines = [f"{start}: {_line(one)}" for code, start in KINDS.items() for one in every if one.code == code]
    usual = [one.path for one in every if one.code == "usual"]
    return lines + ([f"has its place here already: {', '.join(usual)}"] if usual else [])


def _line(loss: Loss) -> str:
    if loss.code == "set":
        return f"{loss.fix} ({loss.what})" if loss.what else loss.fix
    return f"{loss.path}: {loss.what}".removesuffix(": not carried") + (f"; {loss.fix}" if loss.fix else "")
