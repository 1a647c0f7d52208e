"""`inv why SERVICE`: why it is in the plan, and if it does not run, why not: down to the root."""

from collections.abc import Collection
from typing import Any

import msgspec

from stack import tree
from stack.doctor import edges, run, words
from stack.doctor.check import ERROR, WARNING
from stack.doctor.registry import CHECKS
from stack.doctor.scene import Scene
from stack.errors import OK, USAGE, Problem, StackError, fail
from stack.names import cut, echoed, suggest
from stack.output.result import Result
from stack.planning import planner, reasons
from stack.planning.plan import Selection
from stack.planning.planner import Planned, Request


def why(name: str, request: Request) -> Result:
    """The reasons of one service. Raises StackError for a name that no fragment declares."""
    planned = planner.make(tree.root(), request)
    known = planned.facts.catalog.services()
    if name not in known:
        raise fail(
            "unknown-service", f"unknown service {echoed(name)}", cut(name), suggest(name, known) or "./inv plan", USAGE
        )
    if name not in planned.plan.names():
        said, fix = reasons.absent(planned.facts, planned.plan, name)
        return _result(name, planned, [said], [], [Problem("not-planned", said, name, fix)])
    selection = Selection(tuple(planner.selected(planned.checkout, request)), request.services)
    because = reasons.planned(planned.facts, planned.plan, selection, name)
    return _running(name, planned, because)


def _result(name: str, planned: Planned, because: list[str], causes: list[dict[str, Any]], problems: list[Problem],
            state: str | None = None, said: Collection[str] = ()) -> Result:  # fmt: skip
    """What is told of a service; what its state has `said` is not told again by a cause."""
    in_plan = name in planned.plan.names()
    data = {
        "service": name, "planned": in_plan, "because": because, "state": state,
        "needed_by": msgspec.to_builtins(reasons.needs(planned.plan, name)), "causes": causes,
    }  # fmt: skip
    lines = [*(because if in_plan else []), *([f"{name} {state}"] if state else [])]
    for cause in causes:
        lines += [*_untold(cause["seen"], said), f"  → {cause['fix']}"]
    return Result(data, problems, OK, lines)


def _untold(seen: str, said: Collection[str]) -> list[str]:
    """What a check saw, without its first line where that is `said` already."""
    first, _, rest = seen.partition("\n")
    return [*([] if first in said else [f"  {first}"]), *([rest] if rest else [])]


def _running(name: str, planned: Planned, because: list[str]) -> Result:
    """What its containers do; with the causes, where that is not what the plan wants."""
    scene = Scene(planned.checkout.root, {"checkout": planned.checkout, "planned": planned})
    try:
        state, well = words.state(scene.of(name)), _well(scene, name)
    except StackError as error:
        return _result(name, planned, because, [], error.problems)
    chain = edges.chain(scene, name)
    said = [f"{one} {words.state(scene.of(one))}" for one in (name, *chain[-1:])]
    if well:
        return _result(name, planned, because, [], [], state)
    if chain:
        root = chain[-1]
        state = f"{state}, and needs {' → '.join(chain)}, which {words.state(scene.of(root))}"
    checks = [check for check in CHECKS if check.of_services]
    rows = run.run(checks, scene, [*chain, name]) if scene.started() else []
    causes = [msgspec.to_builtins(row) for row in rows if row.grade in (ERROR, WARNING)]
    start = {"seen": f"{name} {state}" if scene.started() else "nothing of the project was started", "fix": "./inv up"}
    return _result(name, planned, because, causes or [start], [], state, [*said, f"{name} {state}"])


def _well(scene: Scene, name: str) -> bool:
    """Whether its containers are where the plan wants them."""
    service = scene.planned_service(name)
    have = scene.of(name)
    if service is None or not have:
        return False
    if service.one_shot:
        return words.satisfied(have, "service_completed_successfully")
    return all(one["State"]["Running"] and words.health(one) in ("", "healthy") for one in have)
