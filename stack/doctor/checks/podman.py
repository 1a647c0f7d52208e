"""Whether Podman can build what the plan builds."""

from collections.abc import Iterable

from stack import docker
from stack.doctor.check import Check, Finding, found
from stack.doctor.scene import Scene


def _run(scene: Scene) -> Iterable[Finding]:
    if not docker.podman():
        return []
    from stack.builds import podman

    return [
        found(problem, "it can't be built", problem.message.partition(":")[0])
        for problem in podman.problems(scene.planned)
    ]


CHECK = Check(
    id="podman",
    section="engine",
    holds="where the engine is Podman, it can build what the plan builds",
    run=_run,
    needs=("planned", "engine"),
    of_services=True,
)
