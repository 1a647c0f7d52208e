"""Services that end and are started again, over and over."""

from collections.abc import Iterable

from stack.doctor import edges, words
from stack.doctor.check import Check, Finding
from stack.doctor.checks import oom
from stack.doctor.scene import Inspected, Scene

LOOPS = 3
"""Restarts after which it is no accident (as in running/watching.py)."""
RECENT_S = 600
"""Seconds in which the last of them was: what settled down is no finding."""


def _run(scene: Scene) -> Iterable[Finding]:
    for service in scene.planned.plan.services:
        looping = [one for one in scene.of(service.name) if loops(one) and not oom.killed(one, scene.oom_kills)]
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


def loops(one: Inspected) -> bool:
    """Whether a container is in a loop of ends and starts. Pure."""
    state = one["State"]
    if state["Restarting"]:
        return True
    return one["RestartCount"] >= LOOPS and state["Running"] and words.age_s(state["StartedAt"]) < RECENT_S


def _explained(scene: Scene, name: str) -> bool:
    """Whether another check tells the cause: a volume of another version or with another secret."""
    from stack.doctor.checks import volume_version

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
