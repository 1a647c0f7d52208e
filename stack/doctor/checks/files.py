"""Whether fragments, overrides and settings can be read, each by itself."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding, found, told_by
from stack.doctor.scene import Scene
from stack.errors import StackError

OTHERS = frozenset({"env-line", "setting", "secret-shadowed"})
"""Problems of the settings, which checks of their own tell."""


def _run(scene: Scene) -> Iterable[Finding]:
    try:
        _ = scene.checkout
    except StackError as error:
        mine = [problem for problem in error.problems if problem.code not in OTHERS]
        return [found(problem, "there is no plan, so nothing can be started") for problem in mine] or [
            told_by("env-file")
        ]
    return []


CHECK = Check(
    id="files",
    section="project",
    holds="every fragment and override is valid, and each override has its service",
    run=_run,
)
