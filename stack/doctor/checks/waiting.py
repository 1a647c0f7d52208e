"""Services that were not started because something that they wait for is not there: the chain, down to its root."""

from collections.abc import Iterable

from stack.doctor import edges, words
from stack.doctor.check import Check, Finding
from stack.doctor.scene import Scene


def _run(scene: Scene) -> Iterable[Finding]:
    for service in scene.planned.plan.services:
        have = scene.of(service.name)
        begun = any(one["State"]["Status"] != "created" for one in have)
        if begun or service.name in scene.left_out or not edges.unmet(scene, service.name):
            continue
        chain = edges.chain(scene, service.name)
        root = chain[-1]
        told = " → ".join(chain)
        seen = f"{service.name} waits: {told}, which {words.state(scene.of(root))}"
        yield Finding(seen, f"{service.name} does not start", f"{edges.first(scene, service.name)}; then ./inv up",
                      service=service.name)  # fmt: skip


CHECK = Check(
    id="waiting",
    section="services",
    holds="nothing waits for something that is not there",
    run=_run,
    needs=("planned", "engine", "containers", "up"),
    of_services=True,
)
