"""The plan: which services the stack is made of now. The stack's tasks write it, and each `inv up` renews it."""

import functools
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError


class PlannedService(BaseModel):
    """One service of the plan: `url` is where containers reach it, `link` where a browser does."""

    name: str
    about: str = ""
    source: str = ""
    url: str | None = None
    link: str | None = None
    containers: list[str] = []


class LeftOut(BaseModel):
    """A service that was asked for and does not run, and why."""

    name: str
    why: str = ""


class Plan(BaseModel):
    """The file that the stack's tasks write for this application."""

    version: Literal[1]
    project: str
    services: list[PlannedService]
    left_out: list[LeftOut] = []


def read(file: Path) -> Plan | str:
    """The plan as it is on disk now, or one sentence on why it can't be read."""
    try:
        found = file.stat()
        return _parse(file, (found.st_ino, found.st_mtime_ns, found.st_size))
    except OSError as error:
        return f"The plan {file} can't be read: {error.strerror}."


def has(file: Path, service: str) -> bool:
    """Whether a service is planned now; asked at each request, so that no change of plan needs a restart here."""
    plan = read(file)
    return not isinstance(plan, str) and any(planned.name == service for planned in plan.services)


def absent(file: Path, service: str, profile: str) -> str | None:
    """None if a service is planned, otherwise one sentence on how it comes in."""
    plan = read(file)
    if isinstance(plan, str):
        return plan
    if any(planned.name == service for planned in plan.services):
        return None
    return f"The stack runs without {service}; inv up --profile {profile} adds it."


@functools.lru_cache(maxsize=4)
def _parse(file: Path, _stamp: tuple[int, int, int]) -> Plan | str:
    try:
        return Plan.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        return f"The plan {file} can't be used: {place}: {first['msg']}."
