"""Whether the gateway's file can be served: its form, its routes, who is let in."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding, found
from stack.doctor.scene import Scene
from stack.gateway import entrance


def _run(scene: Scene) -> Iterable[Finding]:
    return [found(problem, "the gateway keeps its old routes, or does not start", entrance.SERVICE)
            for problem in entrance.of(scene.planned).problems]  # fmt: skip


CHECK = Check(
    id="gateway-config",
    section="gateway",
    holds="the gateway's file is valid: every route has a service, every lock a key",
    run=_run,
    needs=("planned",),
    preflight=True,
    of_services=True,
)
