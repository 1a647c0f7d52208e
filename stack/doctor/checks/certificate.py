"""Whether the gateway can serve the certificate that the settings name."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding, found, untold
from stack.doctor.scene import Scene
from stack.gateway import entrance
from stack.running import tls


def _run(scene: Scene) -> Iterable[Finding]:
    problems = tls.problems(scene.checkout)
    if not problems and not tls.asked(scene.checkout):
        yield untold("neither TLS nor TLS_CERT is set: the gateway makes a certificate that nobody knows")
    for problem in problems:
        yield found(problem, "the gateway keeps its old certificate, or does not start", entrance.SERVICE)


CHECK = Check(
    id="certificate",
    section="gateway",
    holds="the gateway's certificate can be read, and its key belongs to it",
    run=_run,
    needs=("checkout",),
    of_services=True,
)
