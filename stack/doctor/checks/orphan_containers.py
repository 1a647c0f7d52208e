"""Containers of the project whose service is in no fragment any more."""

from collections.abc import Iterable
from functools import partial

from stack.doctor.check import Action, Check, Finding
from stack.doctor.inspected import Inspected, name_of, service_of
from stack.doctor.scene import Scene


def _orphans(scene: Scene) -> list[Inspected]:
    known = set(scene.checkout.catalog.services())
    return [one for one in scene.containers if service_of(one) not in known]


def _run(scene: Scene) -> Iterable[Finding]:
    for one in _orphans(scene):
        seen = f"container {name_of(one)} is of service {service_of(one)}, which no fragment declares"
        causes = "it keeps its ports and memory, and ./inv up leaves it alone"
        yield Finding(seen, causes, f"docker rm -f {name_of(one)}", service=service_of(one))


def _mend(scene: Scene) -> list[Action]:
    names = sorted({service_of(one) for one in _orphans(scene)})

    says = "stop and remove the containers of {} (its volumes stay)"
    return [Action(says.format(name), partial(_remove, scene.project, name)) for name in names]


def _remove(project: str, service: str) -> None:
    from stack.running import objects

    objects.remove_containers(project, [service])


CHECK = Check(
    id="orphan-containers",
    section="project",
    holds="every container of the project is of a service that there is",
    run=_run,
    needs=("checkout", "engine", "containers"),
    mend=_mend,
)
