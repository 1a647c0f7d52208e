"""Volumes of the project that no fragment or override declares any more."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding
from stack.doctor.scene import Scene


def _run(scene: Scene) -> Iterable[Finding]:
    of_plan = set(scene.planned.facts.model.get("volumes") or {})
    beyond = {name: key for name, key in sorted(scene.volumes.items()) if key not in of_plan}
    # Reading every file again takes a third of a second: only for what the chosen sources don't have.
    for name, key in beyond.items():
        if key not in scene.declared_volumes:
            seen = f"volume {name} is in no fragment and no override"
            causes = "nothing reads its data, which takes room on the disk"
            yield Finding(seen, causes, f"docker volume rm {name}")


CHECK = Check(
    id="orphan-volumes",
    section="project",
    holds="every volume of the project is of a service that there is",
    run=_run,
    needs=("planned", "engine", "volumes"),
)
