"""Whether there is a plan: no cycle, no edge to nothing, no needed service that is disabled."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding, found
from stack.doctor.scene import Scene
from stack.errors import StackError


def _run(scene: Scene) -> Iterable[Finding]:
    try:
        _ = scene.planned
    except StackError as error:
        return [found(problem, "there is no plan, so nothing can be started") for problem in error.problems]
    return []


CHECK = Check(
    id="plan",
    section="project",
    holds="the files come to a plan: no cycle, no edge to nothing, nothing needed that is disabled",
    run=_run,
    needs=("checkout",),
)
