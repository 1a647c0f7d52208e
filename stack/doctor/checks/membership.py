"""Whether each running container is on the networks that the plan gives it, by its service's name."""

import shlex
from collections.abc import Iterable

from stack.doctor import network
from stack.doctor.check import Check, Finding
from stack.doctor.scene import Inspected, Scene, name_of


def _run(scene: Scene) -> Iterable[Finding]:
    for service, containers in scene.running().items():
        for one in containers:
            missing = network.absent(scene, one)
            if missing:
                yield _finding(service, one, missing)


def _finding(service: str, one: Inspected, missing: dict[str, list[str]]) -> Finding:
    there = one["NetworkSettings"]["Networks"]
    unnamed = [name for name in missing if name in there]
    off = [name for name in missing if name not in there]
    seen = [f"is not on the network {name}" for name in off]
    seen += [f"is on the network {name} without the name {' and '.join(missing[name])}" for name in unnamed]
    commands = [f"docker network disconnect {name} {name_of(one)}" for name in unnamed]
    commands += [_connect(name, aliases, name_of(one)) for name, aliases in missing.items()]
    causes = f"no other service reaches {service} there" + (", and it reaches none" if off else " by that name")
    return Finding(f"{name_of(one)} {' and '.join(seen)}", causes, " && ".join(commands), service=service)


def _connect(name: str, aliases: list[str], container: str) -> str:
    flags = [word for alias in aliases for word in ("--alias", alias)]
    return shlex.join(["docker", "network", "connect", *flags, name, container])


CHECK = Check(
    id="membership",
    section="network",
    holds="every running container is on its networks, by its service's name",
    run=_run,
    needs=("planned", "engine", "up", "networks", "changes"),
    of_services=True,
)
