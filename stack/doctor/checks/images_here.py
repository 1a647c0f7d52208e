"""Whether the images of what was started are still here."""

from collections.abc import Iterable

from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene


def _run(scene: Scene) -> Iterable[Finding]:
    for service in scene.planned.plan.services:
        if service.image not in scene.images and service.name not in scene.left_out:
            word = "built" if service.built else "pulled"
            seen = f"the image {service.image} of {service.name} is not on this machine"
            causes = f"{service.name} can't be started before it is {word}"
            fix = f"./inv up, or leave it out: ./inv source --service {service.fragment} --to disabled"
            yield Finding(seen, causes, fix, WARNING, service.name)


CHECK = Check(
    id="images",
    section="project",
    holds="the image of every started service is on this machine",
    run=_run,
    needs=("planned", "engine", "images", "containers", "begun"),
    of_services=True,
)
