"""The edge to the networks between nodes: what stands, and whether this machine's kernel can encrypt them."""

import gzip
import os
from pathlib import Path

from stack.cluster import manager
from stack.cluster.placement import Cluster
from stack.cluster.stackfile import Stack
from stack.env.settings import Settings
from stack.errors import Problem

CONFIGS = (Path("/proc/config.gz"), Path("/boot") / f"config-{os.uname().release}")
"""Where a kernel says what it was built with (kernel.org, IKCONFIG_PROC), or its package does."""


def standing(stack: Stack, project: str) -> list[Problem]:
    """A problem for the networks that are there and encrypted otherwise than the stack has them: Swarm changes none,
    and says nothing of it."""
    there = {str(row["Name"]): row for row in manager.of_stack("networks", project)}
    wanted = {f"{project}_{key}": "encrypted" in (own.get("driver_opts") or {}) for key, own in stack.networks.items()}
    other = sorted(name for name in wanted.keys() & there.keys() if wanted[name] != manager.encrypted(there[name]))
    if not other:
        return []
    how = "encrypted" if wanted[other[0]] else "without encryption"
    message = f"a network that is in use can't be made {how}: {', '.join(other)}"
    return [Problem("network-stands", message, "NETWORK_ENCRYPTED", "./inv down, which leaves the data, then ./inv up")]


def unable(settings: Settings, cluster: Cluster) -> list[Problem]:
    """A problem where networks are to be encrypted, and this machine's kernel has not what that takes: engines then
    send nothing, and say nothing of it. Of other nodes' kernels nobody knows."""
    if settings.value("NETWORK_ENCRYPTED") != "true" or len(cluster.nodes) == 1:
        return []
    told = next((_text(path) for path in CONFIGS if path.exists()), "")
    if not told or "CONFIG_INET_ESP=" in told:
        return []
    message = "this machine's kernel has no ESP (CONFIG_INET_ESP), so nothing gets from it to other nodes encrypted"
    return [Problem("no-esp", message, "NETWORK_ENCRYPTED", "./inv env.unset NETWORK_ENCRYPTED, or another kernel")]


def _text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode(errors="replace")
