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
    gateway_dns,
    gateway_key,
    gateway_stale,
    gateway_upstream,
    gpu,
    healthcheck_tool,
    host_gateway,
    images_here,
    jobs,
    localhost_source,
    log_errors,
    membership,
    not_running,
    oom,
    orphan_containers,
    orphan_volumes,
    other_project,
    plan_made,
    port_range,
    port_silent,
    port_taken,
    reach,
    restarting,
    secrets_kept,
    slow_start,
    subnet,
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
        port_range,
        port_silent,
        # network
        subnet,
        membership,
        localhost_source,
        reach,
        host_gateway,
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
        gateway_stale,
        gateway_upstream,
        gateway_key,
        gateway_dns,
    )
)
