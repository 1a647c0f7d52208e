"""Published ports: claimed by fragments, BASE_PORT plus an offset, unless pinned. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from stack.errors import Problem, StackError
from stack.planning.catalog import Catalog

LOWEST, HIGHEST = 1, 65535
EVERYWHERE = frozenset({"", "0.0.0.0", "::"})


class Published(msgspec.Struct, frozen=True):
    """One host port that a service publishes; `variable` is the setting that pins it."""

    service: str
    variable: str
    host_ip: str
    host: int
    protocol: str = "tcp"


class Claim(NamedTuple):
    """A port that a service publishes: the variable that holds it, its offset, and where the fragment says so."""

    variable: str
    offset: int
    service: str
    where: str


def claims(found: Catalog, chosen: Mapping[str, str]) -> list[Claim]:
    """The ports of every service with its chosen source."""
    made = []
    for name, source in chosen.items():
        fragment = found.fragments[name]
        files = fragment.files(source)
        for service in sorted({s for path in files for s in found.files[path].entries}):
            for port, offset in found.entry(service, files).ports.items():
                where = f"{fragment.layers[0]}: x-stack.{service}.ports.{port}"
                made.append(Claim(port, offset, service, where))
    return made


def twice(claims: list[Claim]) -> list[Problem]:
    """A problem for each variable that two services have, and each offset that two variables have."""
    variables: dict[str, Claim] = {}
    offsets: dict[int, Claim] = {}
    problems = []
    for claim in claims:
        namesake = variables.setdefault(claim.variable, claim)
        other = offsets.setdefault(claim.offset, claim)
        if namesake is not claim:
            message = f"{namesake.service} and {claim.service} both have the port variable {claim.variable}"
            problems.append(Problem("port-variable-twice", message, claim.where, "rename one of the two"))
        elif other is not claim:
            message = f"{other.variable} and {claim.variable} have the same offset {claim.offset}"
            unused = next((n for n in range(21, 100) if n not in {c.offset for c in claims}), None)
            fix = f"give {claim.variable} a free one" + (f", such as {unused}" if unused else "")
            problems.append(Problem("offset-twice", message, claim.where, fix))
    return problems


def assign(offsets: Mapping[str, int], base_port: int, pins: Mapping[str, str]) -> dict[str, int]:
    """The host port of each port variable: its pin, or `base_port` plus its offset.

    Raises StackError naming every pin that is no port."""
    bad = [Problem("port", f"{name} is no port: expected an integer from {LOWEST} to {HIGHEST}", name,
                   f"./inv env.set {name} NUMBER")
           for name in offsets if name in pins and not _is_port(pins[name])]  # fmt: skip
    if bad:
        raise StackError(bad)
    return {name: int(pins[name]) if name in pins else base_port + offset for name, offset in offsets.items()}


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and LOWEST <= int(text) <= HIGHEST


def collisions(published: Iterable[Published], base_port: int) -> list[Problem]:
    """A problem for every two services on one port of one address, and every port out of range."""
    seen: list[Published] = []
    problems = []
    published = list(published)
    next_free = free(base_port, (p.host for p in published))
    for port in sorted(published, key=lambda p: (p.host, p.service, p.variable)):
        if not LOWEST <= port.host <= HIGHEST:
            message = f"{_named(port)}: port {port.host} is out of range"
            fix = f"./inv env.unset {port.variable}" if port.variable else f"edit the ports of {port.service}"
            problems.append(Problem("port-range", message, port.variable, fix))
        for other in seen:
            if _meet(other, port):
                message = f"{_named(other)} and {_named(port)} both want port {port.host}"
                problems.append(Problem("port-twice", message, port.variable, _remedy(other, port, next_free)))
        seen.append(port)
    return problems


def _named(port: Published) -> str:
    return f"{port.service} ({port.variable})" if port.variable else port.service


def _remedy(one: Published, other: Published, number: int) -> str:
    """What to type: another pin for the one that has a variable, else an edit of the fragment."""
    movable = next((port for port in (other, one) if port.variable), None)
    return f"./inv env.set {movable.variable} {number}" if movable else f"edit the ports of {other.service}"


def _meet(one: Published, other: Published) -> bool:
    """Whether two claim the same port of the same address, or one of them that of every address."""
    if (one.host, one.protocol) != (other.host, other.protocol):
        return False
    return one.host_ip == other.host_ip or bool({one.host_ip, other.host_ip} & EVERYWHERE)


def free(base_port: int, taken: Iterable[int]) -> int:
    """The lowest port of the user's own range (offsets 21 to 99) that nobody takes."""
    used = set(taken)
    return next((base_port + n for n in range(21, 100) if base_port + n not in used), base_port + 21)
