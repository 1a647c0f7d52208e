"""Volumes that were made with another driver or other options than the files say now."""

from collections.abc import Iterable

from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.planning import definitions


def _run(scene: Scene) -> Iterable[Finding]:
    for problem in definitions.problems(scene.planned):
        yield Finding(problem.message, "what is written there is not where the files say", problem.fix, WARNING,
                      where=problem.where)  # fmt: skip


CHECK = Check(
    id="volume-definition",
    section="data",
    holds="every volume with a driver or options in the files was made with them",
    run=_run,
    needs=("planned", "engine", "begun"),
)
