"""`inv ports`: every offset with its number, whose it is, and who holds it now."""

from typing import Any

import msgspec

from stack import tree
from stack.env.settings import HIGHEST_OFFSET
from stack.errors import Problem, StackError, fail
from stack.output.result import Result
from stack.planning import hostports, planner, ports
from stack.planning.planner import Planned, Request


class Row(msgspec.Struct, frozen=True):
    """One number: its offset (None for a pin elsewhere), its variable and service, whether it is planned, and who
    holds it now ("" for nobody)."""

    offset: int | None
    port: int
    variable: str
    service: str
    planned: bool
    holder: str


def run(request: Request) -> Result:
    """The table of the plan's block. With `--base-port auto`, of the next block that is free; with a number, of that
    one. Nothing is written."""
    auto = request.base_port == "auto"
    planned = planner.make(tree.root(), msgspec.structs.replace(request, base_port="") if auto else request)
    lines = []
    held, problems = _held(planned)
    base = _found(planned, held) if auto else planned.plan.base_port
    if auto and base == planned.plan.base_port:
        lines.append(f"from {base} on, as it is set, every planned port is free or this project's own")
    elif auto or request.base_port:
        lines.append(f"to publish from {base} on: ./inv env.set BASE_PORT {base} && ./inv up")
        planned = planner.make(tree.root(), msgspec.structs.replace(request, base_port=str(base)))
    found = rows(planned, held)
    data = {
        "base_port": planned.plan.base_port,
        "ports": msgspec.to_builtins(found),
        "free": spans({row.offset for row in found if row.offset is not None}),
    }
    return Result(data, problems, lines=lines)


def _found(planned: Planned, held: dict[int, str]) -> int:
    """The next base port from which everything planned is free: this one, where it is free or the project's own."""
    base = planned.plan.base_port
    mine = [row for row in rows(planned, held) if row.offset is not None and row.planned]
    wanted = {row.port - base for row in mine}
    others = {row.port - base for row in mine if not hostports.own(row.holder)}
    if hostports.all_free(others, base):
        return base
    other = hostports.free_base(wanted, base)
    if not other:
        raise fail("no-block", "there is no free block of ports", "--base-port", "end other programs, or pin ports")
    return other


def _held(planned: Planned) -> tuple[dict[int, str], list[Problem]]:
    """Who holds which port; without an engine, the programs alone."""
    try:
        return hostports.holders(planned.plan.project), []
    except StackError:
        told = Problem("no-engine", "no engine answers, so containers are not told from programs", fix="./inv engine")
        return hostports.programs(), [told]


def rows(planned: Planned, held: dict[int, str]) -> list[Row]:
    """Every port of the catalogue with its chosen sources, in the order of its numbers. Pure."""
    base, names = planned.plan.base_port, set(planned.plan.names())
    chosen = ports.claims(planned.facts.catalog, planned.facts.sources)
    found = []
    for claim in chosen:
        port = planned.facts.ports[claim.variable]
        offset = claim.offset if port == base + claim.offset else None
        there = claim.service in names
        found.append(Row(offset, port, claim.variable, claim.service, there, held.get(port, "")))
    return sorted(found, key=lambda row: row.port)


def spans(taken: set[int]) -> list[dict[str, Any]]:
    """The offsets that nobody has, as spans; those from 21 to 99 are the user's own. Pure."""
    left = [n for n in range(HIGHEST_OFFSET + 1) if n not in taken]
    found: list[list[int]] = []
    for n in left:
        if found and found[-1][1] == n - 1 and n != 100:
            found[-1][1] = n
        else:
            found.append([n, n])
    return [{"first": first, "last": last} for first, last in found]
