"""Whether the engine has the files that the plan mounts."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding, found
from stack.doctor.scene import Scene
from stack.planning import remote


def _run(scene: Scene) -> Iterable[Finding]:
    causes = "they would find empty folders in their place"
    return [found(problem, causes) for problem in remote.problems(scene.planned)]


CHECK = Check(
    id="remote-engine",
    section="engine",
    holds="the engine is this machine's, so that the files of the checkout are where it looks for them",
    run=_run,
    needs=("planned", "engine"),
)
