"""Services that end and are started again, over and over."""

from collections.abc import Iterable

from stack.doctor import edges, inspected, words
from stack.doctor.check import Check, Finding
from stack.doctor.checks import oom, volume_version
from stack.doctor.scene import Scene


def _run(scene: Scene) -> Iterable[Finding]:
    for service in scene.planned.plan.services:
        looping = [
            one for one in scene.of(service.name) if inspected.loops(one) and not oom.killed(one, scene.oom_kills)
        ]
        if not looping or _explained(scene, service.name):
            continue
        one = looping[0]
        cause, known = words.meant(one)
        # Of one that runs at this moment the engine tells no code but 0.
        how = f", {words.exit_in_words(one)}" if one["State"]["Restarting"] else ""
        told = f"{how}{f'; {cause}' if cause else ''}{words.last_lines(one)}"
        seen = f"{service.name} keeps ending: {one['RestartCount']} restarts{told}"
        lines = f"mend what its last lines say, then ./inv up; all of them: docker compose logs {service.name}"
        fix = edges.first(scene, service.name) or known or lines
        yield Finding(seen, "it answers for moments at most", fix, service=service.name)


def _explained(scene: Scene, name: str) -> bool:
    """Whether another check tells the cause: a volume of another version or with another secret."""
    if any(keeper.service == name for keeper, _ in scene.changed_secrets):
        return True
    return any(finding.service == name for finding in volume_version.CHECK.run(scene))


CHECK = Check(
    id="restarting",
    section="services",
    holds="nothing ends and is started again over and over",
    run=_run,
    needs=("planned", "engine", "containers", "begun", "oom_kills", "changed_secrets"),
    of_services=True,
)
