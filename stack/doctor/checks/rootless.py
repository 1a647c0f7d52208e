"""Whether a rootless engine can do what the plan asks."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding, found
from stack.doctor.scene import Scene
from stack.planning import rootless


def _run(scene: Scene) -> Iterable[Finding]:
    return [found(problem, f"{problem.where} reaches nothing", problem.where)
            for problem in rootless.problems(scene.planned)]  # fmt: skip


CHECK = Check(
    id="rootless",
    section="engine",
    holds="no planned service needs the host's network of an engine that is rootless",
    run=_run,
    needs=("planned", "engine"),
    of_services=True,
)
