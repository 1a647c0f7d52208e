"""Every check, in the order of its section."""

from stack.doctor.check import Check
from stack.doctor.checks import (
    disk,
    engine,
    env_mode,
    files,
    gateway_config,
    gpu,
    plan_made,
    port_taken,
)

CHECKS: tuple[Check, ...] = tuple(
    module.CHECK
    for module in (
        # machine
        disk,
        # engine
        engine,
        gpu,
        # settings
        env_mode,
        # project
        files,
        plan_made,
        # ports
        port_taken,
        # gateway
        gateway_config,
    )
)
