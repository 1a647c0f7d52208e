"""Volumes that the files define otherwise than the engine made them: a driver or its options that changed since.

The engine never changes a volume, and Compose would only make it anew, without its data. So it stays as it is, and what
it holds is not where the files say."""

from collections.abc import Mapping
from typing import Any

import msgspec

from stack import compose, docker, tree, yamlfile
from stack.errors import Problem
from stack.planning import lastup, model
from stack.planning.planner import Planned


class Definition(msgspec.Struct, frozen=True):
    """How a volume is made: its driver, and the options that the driver gets."""

    driver: str = "local"
    options: dict[str, str] = {}


def problems(planned: Planned) -> list[Problem]:
    """A warning for each planned volume that was made otherwise. Asks the engine only where a volume has options, or
    had some at the last `up`."""
    wanted = defined(planned)
    suspects = special(wanted) | (set(lastup.read(planned.checkout.root).special) & wanted.keys())
    there = _made(sorted(suspects)) if suspects else {}
    return [_problem(name, parts) for name, made in sorted(there.items()) if (parts := differing(wanted[name], made))]


def defined(planned: Planned) -> dict[str, Definition]:
    """The planned volumes by the engine's name, as the files and the user's compose.override.yaml define them; without
    those that are made elsewhere (external)."""
    services = model.services(planned.facts.model)
    mounted = {key for name in planned.plan.names() for key in model.named_volumes(services[name])}
    declared, own = planned.facts.model.get("volumes") or {}, _of_override(planned)
    found = {}
    for key in sorted(mounted):
        raw = {**(declared.get(key) or {}), **(own.get(key) or {})}
        if not raw.get("external"):
            options = {str(name): str(value) for name, value in (raw.get("driver_opts") or {}).items()}
            found[str(raw.get("name", key))] = Definition(raw.get("driver") or "local", options)
    return found


def special(wanted: Mapping[str, Definition]) -> set[str]:
    """The volumes that are more than the engine's plain ones."""
    return {name for name, definition in wanted.items() if definition != Definition()}


def _of_override(planned: Planned) -> dict[str, Any]:
    """The volumes in the user's own override file, where it says something of drivers."""
    root = planned.checkout.root
    for name in compose.override(root)[1:]:
        data = tree.read(root / name)
        if b"driver" in data:
            document = yamlfile.load(name, yamlfile.decode(name, data))
            return (document.get("volumes") if isinstance(document, dict) else None) or {}
    return {}


def _made(names: list[str]) -> dict[str, Definition]:
    """How the engine made those of the volumes that it has."""
    rows = docker.inspected("volumes", names)
    return {row["Name"]: Definition(row["Driver"], row.get("Options") or {}) for row in rows}


def differing(wanted: Definition, made: Definition) -> list[str]:
    """The keys of a volume's definition that differ. Pure."""
    names = sorted(wanted.options.keys() | made.options.keys())
    driver = ["driver"] if wanted.driver != made.driver else []
    return driver + [f"driver_opts.{n}" for n in names if wanted.options.get(n) != made.options.get(n)]


def _problem(name: str, parts: list[str]) -> Problem:
    message = (f"volume {name} was made with other {', '.join(parts)} than the files say now: its data stays where it "
               "was, not where they say")  # fmt: skip
    fix = f"put the old lines back; or give it another name there (name: {name}-2), ./inv up, and copy the data over"
    return Problem("volume-definition", message, f"volumes: {name}", fix)
