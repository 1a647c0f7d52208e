"""Whether the gateway's file can be served: its form, its routes, who is let in."""

from collections.abc import Iterable

from stack.doctor.check import OK, Check, Finding, found
from stack.doctor.scene import Scene
from stack.gateway import entrance


def _run(scene: Scene) -> Iterable[Finding]:
    problems = scene.gateway.problems
    if not problems and (engine := entrance.engine(scene.planned)):
        yield Finding(f"{engine} serves at the gateway, and its file is valid: {HOLDS}", "", "", OK, entrance.SERVICE)
    for problem in problems:
        yield found(problem, "the gateway keeps its old routes, or does not start", entrance.SERVICE)


HOLDS = "every route has a service, every lock a key"


CHECK = Check(
    id="gateway-config",
    section="gateway",
    holds=f"the gateway's file is valid: {HOLDS}",
    run=_run,
    needs=("planned",),
    of_services=True,
)
