"""Whether this machine has the GPU runtime that a planned source needs."""

import json
from pathlib import Path

from stack import docker
from stack.errors import Problem, StackError
from stack.planning.plan import Plan

INSTALL = {
    "nvidia": "install nvidia-container-toolkit and restart the engine (docs.nvidia.com/datacenter/cloud-native)",
    "amd": "install the amdgpu driver with ROCm (/dev/kfd must be there)",
}


def problems(plan: Plan) -> list[Problem]:
    """A problem for each planned service from a GPU source whose runtime is not here."""
    wanted = {service.name: service for service in plan.services if service.gpu}
    if not wanted:
        return []
    there = runtimes()
    return [
        Problem("gpu", f"{name} from {service.source} needs a GPU runtime ({service.gpu}), which this machine has not",
                name, f"--source {service.fragment}=container, or {INSTALL.get(service.gpu, 'install it')}")
        for name, service in wanted.items() if service.gpu not in there
    ]  # fmt: skip


def runtimes() -> set[str]:
    """The kinds of GPU that the engine can hand to a container: by a runtime, by CDI, or by a device."""
    found = {"amd"} if Path("/dev/kfd").exists() else set()
    try:
        info = docker.info()
    except StackError:
        return found
    devices = json.dumps(info.get("DiscoveredDevices") or [])
    if "nvidia" in (info.get("Runtimes") or {}) or "nvidia.com/gpu" in devices:
        found.add("nvidia")
    return found
