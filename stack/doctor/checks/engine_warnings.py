"""What the engine says of itself that matters here."""

from collections.abc import Iterable, Mapping
from typing import Any

from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene

DRIVERS = {
    "vfs": "every layer of every image is a full copy: images take many times their size",
    "devicemapper": "it is deprecated, and fails when its pool is full",
    "aufs": "it is deprecated, and newer engines don't have it",
}
"""Storage drivers to get away from (docs.docker.com, storage drivers)."""
MATTER = {
    "no memory limit support": "memory limits have no effect: one service can take all",
    "bridge-nf-call-iptables is disabled": "rules of a firewall don't hold between containers",
    "rootless-mode without cgroups": "limits of memory and processors have no effect: one service can take all",
    "no cpu cfs": "CPU limits have no effect",
    "api is accessible": "whoever reaches that address is root on this machine",
}
"""Beginnings and parts of the engine's warnings, and what each causes. Others are left out."""


def _run(scene: Scene) -> Iterable[Finding]:
    return findings(scene.info)


def findings(info: Mapping[str, Any]) -> list[Finding]:
    """What `docker info` comes to. Pure."""
    found = []
    driver = str(info.get("Driver"))
    if driver in DRIVERS:
        fix = 'set "storage-driver": "overlay2" in /etc/docker/daemon.json, and restart the engine (images come anew)'
        found.append(Finding(f"the engine's storage driver is {driver}", DRIVERS[driver], fix, WARNING))
    for warning in info.get("Warnings") or []:
        causes = next((causes for part, causes in MATTER.items() if part in warning.lower()), "")
        if causes:
            words = " ".join(warning.removeprefix("WARNING:").split())
            fix = "docs.docker.com/engine/daemon tells how; then restart the engine"
            found.append(Finding(f"the engine says: {words}", causes, fix, WARNING))
    return found


CHECK = Check(
    id="engine-warnings",
    section="engine",
    holds="the engine says nothing of itself that matters here",
    run=_run,
    needs=("engine", "info"),
)
