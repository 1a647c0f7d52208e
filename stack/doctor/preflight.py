"""The part of the checks that `inv up` runs before it starts anything."""

from collections.abc import Collection

from stack.doctor.check import ERROR, Check
from stack.doctor.checks import (
    certificate,
    disk,
    gateway_config,
    gpu,
    podman,
    port_taken,
    remote_engine,
    rootless,
    settings_unknown,
)
from stack.doctor.scene import Scene
from stack.errors import Problem
from stack.planning.planner import Planned

CHECKS: tuple[Check, ...] = tuple(
    module.CHECK
    for module in (
        disk,
        gpu,
        remote_engine,
        rootless,
        podman,
        settings_unknown,
        port_taken,
        gateway_config,
        certificate,
    )
)
"""In the order of the registry, which imports all the others as well."""
OF_THIS_MACHINE = frozenset({"port-taken", "gpu", "remote-engine"})
"""Checks of what only counts where this machine's engine runs all: on a cluster, the nodes' managers see to it."""


def problems(planned: Planned, aside: Collection[str] = ()) -> list[Problem]:
    """What stands in the way of this plan, the checks `aside` not asked. Raises StackError where the engine does not
    answer."""
    scene = Scene(planned.checkout.root, {"checkout": planned.checkout, "planned": planned, "engine": ""})
    findings = [(check, finding) for check in CHECKS if check.id not in aside for finding in check.run(scene)]
    return [Problem(f.code or check.id, f.seen, f.where, f.fix) for check, f in findings if f.grade == ERROR]
