"""Whether the engine can hand out the GPU that a source asks for."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding, found
from stack.doctor.scene import Scene
from stack.planning import gpu


def _run(scene: Scene) -> Iterable[Finding]:
    return [found(problem, f"{problem.where} does not start", problem.where)
            for problem in gpu.problems(scene.planned.plan)]  # fmt: skip


CHECK = Check(
    id="gpu",
    section="engine",
    holds="every GPU source has its runtime",
    run=_run,
    needs=("planned", "engine"),
    of_services=True,
)
