"""What a check is: an id, a section, what it needs, a function from the scene to its findings, and maybe a remedy."""

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from stack.doctor.scene import Scene
from stack.errors import Problem

SECTIONS = ("machine", "engine", "settings", "project", "ports", "network", "data", "services", "gateway")
"""In the order in which they are told: what comes first may be the cause of what comes later."""

ERROR: Literal["error"] = "error"
WARNING: Literal["warning"] = "warning"
OK: Literal["ok"] = "ok"
"""A finding of this grade says what was seen where nothing is wrong."""
SKIPPED: Literal["skipped"] = "skipped"
"""One of this grade says why a check could not tell."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong: what was seen, what that causes, and the command that mends it. `service` is whose it
    is, `where` a file and the path in it, `code` that of the problem where it stops a command (else the check's id)."""

    seen: str
    causes: str
    fix: str
    grade: Literal["error", "warning", "ok", "skipped"] = ERROR
    service: str = ""
    where: str = ""
    code: str = ""


class Action(msgspec.Struct, frozen=True):
    """One step of `--fix`: the sentence that is shown first, and the function that does it."""

    says: str
    do: Callable[[], object]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One check. `holds` is the sentence that is true where nothing is found; `needs` names the pieces of the scene
    without which it is skipped; `mend` gives the steps that mend what it found and lose no data; one `of_services`
    looks at each service by itself."""

    id: str
    section: str
    holds: str
    run: Callable[[Scene], Iterable[Finding]]
    needs: tuple[str, ...] = ()
    mend: Callable[[Scene], list[Action]] | None = None
    of_services: bool = False


def found(problem: Problem, causes: str, service: str = "") -> Finding:
    """A problem that another part of the project tells, as a finding."""
    return Finding(problem.message, causes, problem.fix, ERROR, service, problem.where, problem.code)


def untold(why: str) -> Finding:
    """In place of a finding: why there is nothing to look at."""
    return Finding(why, "", "", SKIPPED)


def told_by(check: str, service: str = "") -> Finding:
    """In place of a finding: what was seen comes from something that another check finds."""
    return Finding(f"{check} tells the cause", "", "", SKIPPED, service)
