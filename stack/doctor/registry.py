"""Every check, in the order of its section."""

from stack.doctor.check import Check
from stack.doctor.checks import (
    assembly_current,
    database,
    disk,
    drift,
    engine,
    env_mode,
    files,
    gateway_config,
    gpu,
    healthcheck_tool,
    images_here,
    jobs,
    log_errors,
    not_running,
    oom,
    orphan_containers,
    orphan_volumes,
    other_project,
    plan_made,
    port_taken,
    restarting,
    secrets_kept,
    slow_start,
    unhealthy,
    volume_usage,
    volume_version,
    waiting,
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
        assembly_current,
        orphan_containers,
        orphan_volumes,
        other_project,
        drift,
        images_here,
        # ports
        port_taken,
        # network
        # data
        secrets_kept,
        database,
        volume_version,
        volume_usage,
        jobs,
        # services
        unhealthy,
        healthcheck_tool,
        oom,
        restarting,
        not_running,
        waiting,
        slow_start,
        log_errors,
        # gateway
        gateway_config,
    )
)
