"""Dependency edges: closure, order, cycles. Pure; an edge is Compose's own `depends_on`."""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from stack.errors import Problem, StackError


class Edge(msgspec.Struct, frozen=True):
    """What a service waits for: `condition` is Compose's (service_started, …); an edge that is not `required`
    vanishes when its target is absent."""

    condition: str
    required: bool


Edges = Mapping[str, Mapping[str, Edge]]


def closure(roots: Iterable[str], edges: Edges) -> set[str]:
    """The roots and all that they require, directly or through others; optional edges bring nothing in."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += [target for target, edge in edges.get(name, {}).items() if edge.required]
    return found


def within(names: set[str], edges: Edges) -> dict[str, dict[str, Edge]]:
    """The edges among `names` alone."""
    return {name: {t: e for t, e in edges.get(name, {}).items() if t in names} for name in sorted(names)}


def tiers(edges: Edges) -> list[list[str]]:
    """The services in start order: each tier waits only for earlier ones. Raises StackError on a cycle,
    printing it."""
    left = {name: set(targets) for name, targets in edges.items()}
    order: list[list[str]] = []
    while left:
        ready = sorted(name for name, targets in left.items() if not targets & left.keys())
        if not ready:
            raise StackError(cycle(ring(left)))
        order.append(ready)
        for name in ready:
            del left[name]
    return order


def ring(edges: Mapping[str, Collection[str]]) -> list[str]:
    """Services that wait for each other, the first named again at the end; empty where there are none."""
    left = {name: set(targets) for name, targets in edges.items()}
    while ready := [name for name, targets in left.items() if not targets & left.keys()]:
        for name in ready:
            del left[name]
    if not left:
        return []
    path = [min(left)]
    while path[-1] not in path[:-1]:
        path.append(min(left[path[-1]] & left.keys()))
    return path[path.index(path[-1]) :]


def cycle(found: list[str], where: str = "") -> Problem:
    """The problem of a ring."""
    message = f"services wait for each other: {' → '.join(found)}"
    return Problem("cycle", message, where, "remove one of these depends_on entries")
