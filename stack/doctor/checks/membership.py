"""Whether each running container is on the networks that the plan gives it, by its service's name."""

import shlex
from collections.abc import Iterable
from functools import partial

from stack import docker
from stack.doctor.check import Action, Check, Finding
from stack.doctor.inspected import Inspected, name_of
from stack.doctor.scene import Scene

Missing = dict[str, list[str]]
"""The networks on which a container is not, or not by these names."""


def _cut(scene: Scene) -> Iterable[tuple[str, Inspected, Missing]]:
    """Each running container that is not where it should be, with its service."""
    for service, containers in scene.running().items():
        for one in containers:
            missing = scene.absent(one)
            if missing:
                yield service, one, missing


def _run(scene: Scene) -> Iterable[Finding]:
    return [_finding(*cut) for cut in _cut(scene)]


def _finding(service: str, one: Inspected, missing: Missing) -> Finding:
    off, unnamed = _off(one, missing)
    seen = [f"is not on the network {name}" for name in off]
    seen += [f"is on the network {name} without the name {' and '.join(missing[name])}" for name in unnamed]
    causes = f"no other service reaches {service} there" + (", and it reaches none" if off else " by that name")
    fix = " && ".join(map(shlex.join, _commands(one, missing)))
    return Finding(f"{name_of(one)} {' and '.join(seen)}", causes, fix, service=service)


def _off(one: Inspected, missing: Missing) -> tuple[list[str], list[str]]:
    """The networks on which a container is not, and those on which it is by other names."""
    there = one["NetworkSettings"]["Networks"]
    return [name for name in missing if name not in there], [name for name in missing if name in there]


def _commands(one: Inspected, missing: Missing) -> list[list[str]]:
    """What puts a container where it should be: names are given as it connects."""
    _, unnamed = _off(one, missing)
    commands = [["docker", "network", "disconnect", name, name_of(one)] for name in unnamed]
    for name, aliases in missing.items():
        flags = [word for alias in aliases for word in ("--alias", alias)]
        commands.append(["docker", "network", "connect", *flags, name, name_of(one)])
    return commands


def _mend(scene: Scene) -> list[Action]:
    commands = [command for _, one, missing in _cut(scene) for command in _commands(one, missing)]
    return [Action(shlex.join(command), partial(docker.ask, command[1:])) for command in commands]


CHECK = Check(
    id="membership",
    section="network",
    holds="every running container is on its networks, by its service's name",
    run=_run,
    mend=_mend,
    needs=("planned", "engine", "up", "networks", "changes"),
    of_services=True,
)
