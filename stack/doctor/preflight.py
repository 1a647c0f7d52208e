"""The part of the checks that `inv up` runs before it starts anything."""

from stack.doctor.check import ERROR
from stack.doctor.registry import CHECKS
from stack.doctor.scene import Scene
from stack.errors import Problem
from stack.planning.planner import Planned


def problems(planned: Planned) -> list[Problem]:
    """What stands in the way of this plan. Raises StackError where the engine does not answer."""
    scene = Scene(planned.checkout.root, {"checkout": planned.checkout, "planned": planned, "engine": ""})
    findings = [(check, finding) for check in CHECKS if check.preflight for finding in check.run(scene)]
    return [Problem(f.code or check.id, f.seen, f.where, f.fix) for check, f in findings if f.grade == ERROR]
