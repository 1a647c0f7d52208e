"""Whether there is an engine that will do."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding, found
from stack.doctor.scene import Scene
from stack.errors import StackError


def _run(scene: Scene) -> Iterable[Finding]:
    try:
        _ = scene.engine
    except StackError as error:
        return [found(problem, "nothing can be started, and nothing that runs can be looked at")
                for problem in error.problems]  # fmt: skip
    return []


CHECK = Check(
    id="engine",
    section="engine",
    holds="a Docker engine and Compose answer, and are new enough",
    run=_run,
)
