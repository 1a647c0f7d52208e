"""Values and edges of which Compose makes something else than what stands in the files."""

from collections.abc import Iterable

from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.planning import layering


def _run(scene: Scene) -> Iterable[Finding]:
    for problem in layering.problems(scene.planned):
        yield Finding(problem.message, "the program is given something else than the file says", problem.fix, WARNING,
                      where=problem.where)  # fmt: skip


CHECK = Check(
    id="layering",
    section="project",
    holds="no number or date stands without quotes for a text, and no layer waits for less than the one below",
    run=_run,
    needs=("planned",),
)
