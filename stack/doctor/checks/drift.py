"""Whether what runs is what the plan says."""

from collections.abc import Iterable

from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.running import live

NO_EFFECT = "the last changes have no effect yet"
TOLD = {
    "recreate": "runs with another configuration than the plan's: {}",
    "replace": "runs with another configuration than the plan's: {}",
    "scale": "has another number of containers than the plan: {}",
    "remove": "still runs, though its source has it no more",
}


def _run(scene: Scene) -> Iterable[Finding]:
    for change in scene.changes:
        if change.action in TOLD:
            seen = f"{change.name} {TOLD[change.action].format(', '.join(change.keys))}"
            yield Finding(seen, NO_EFFECT, "./inv up", WARNING, change.name)
    for name, variables in live.untold(scene.standing, scene.secrets).items():
        if name in scene.running():
            yield Finding(f"{name} is told otherwise how others are reached: {', '.join(variables)}", NO_EFFECT,
                          "./inv up", WARNING, name)  # fmt: skip


CHECK = Check(
    id="drift",
    section="project",
    holds="what runs is what the plan says",
    run=_run,
    needs=("planned", "secrets", "engine", "begun", "changes"),
    of_services=True,
)
