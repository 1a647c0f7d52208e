"""Published ports: BASE_PORT plus an offset, unless pinned. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from stack.errors import Problem, StackError

LOWEST, HIGHEST = 1, 65535
EVERYWHERE = frozenset({"", "0.0.0.0", "::"})


class Published(msgspec.Struct, frozen=True):
    """One host port that a service publishes; `variable` is the setting that pins it."""

    service: str
    variable: str
    host_ip: str
    host: int


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
    for port in sorted(published, key=lambda p: (p.host, p.service, p.variable)):
        if not LOWEST <= port.host <= HIGHEST:
            message = f"{port.service}: port {port.host} ({port.variable}) is out of range"
            problems.append(Problem("port-range", message, port.variable, f"./inv env.unset {port.variable}"))
        for other in seen:
            if other.host == port.host and _meet(other.host_ip, port.host_ip):
                message = (f"{other.service} ({other.variable}) and {port.service} ({port.variable}) "
                           f"both want port {port.host}")  # fmt: skip
                fix = f"./inv env.set {port.variable} {free(base_port, (p.host for p in published))}"
                problems.append(Problem("port-twice", message, port.variable, fix))
        seen.append(port)
    return problems


def _meet(one: str, other: str) -> bool:
    """Whether two bind addresses claim the same port: equal, or one of them is every address."""
    return one == other or bool({one, other} & EVERYWHERE)


def free(base_port: int, taken: Iterable[int]) -> int:
    """The lowest port of the user's own range (offsets 21 to 99) that nobody takes."""
    used = set(taken)
    return next((base_port + n for n in range(21, 100) if base_port + n not in used), base_port + 21)
