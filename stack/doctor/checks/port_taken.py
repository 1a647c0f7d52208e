"""Whether each planned port is free, or held by this project itself."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding, found
from stack.doctor.scene import Scene
from stack.planning import hostports, plan


def _run(scene: Scene) -> Iterable[Finding]:
    planned = scene.planned.plan
    owners = {port.variable: service.name for service in planned.services for port in service.ports}
    problems = hostports.problems(plan.published(planned.services), planned.project, planned.base_port)
    return [found(problem, f"{owners[problem.where]} can't start: the engine refuses to publish the port",
                  owners[problem.where]) for problem in problems]  # fmt: skip


CHECK = Check(
    id="port-taken",
    section="ports",
    holds="every planned port is free, or this project's own",
    run=_run,
    needs=("planned", "engine"),
    of_services=True,
)
