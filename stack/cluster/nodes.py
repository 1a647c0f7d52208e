"""The nodes of a cluster, as a manager's API has them."""

from collections import Counter
from typing import Any

import msgspec

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""What engines call a processor, and what images do."""


class Node(msgspec.Struct, frozen=True):
    """One engine of the cluster. `role` is manager or worker, `leader` the manager that decides, `state` ready, down,
    unknown or disconnected, `availability` active, pause or drain; `gpus` counts its generic resources that are named
    like a GPU, and `gpu` is that name. `disk_free` is in bytes, and None where nobody could tell; `labels` are those of
    the node, not of its engine."""

    id: str
    hostname: str
    role: str = "worker"
    state: str = "ready"
    availability: str = "active"
    address: str = ""
    labels: dict[str, str] = {}
    cpus: float = 0.0
    memory_bytes: int = 0
    disk_free: int | None = None
    gpus: int = 0
    architecture: str = ""
    engine: str = ""
    leader: bool = False
    gpu: str = ""

    def serves(self) -> bool:
        """Whether new tasks may start there."""
        return self.state == "ready" and self.availability == "active"


def read(row: dict[str, Any]) -> Node:
    """A node out of what `GET /nodes` says of it. Pure."""
    spec, told, status = row.get("Spec") or {}, row.get("Description") or {}, row.get("Status") or {}
    platform, resources = told.get("Platform") or {}, told.get("Resources") or {}
    machine = platform.get("Architecture", "")
    gpu, gpus = _gpus(resources.get("GenericResources") or [])
    return Node(
        row["ID"], told.get("Hostname", ""), spec.get("Role", "worker"), status.get("State", "unknown"),
        spec.get("Availability", "active"), status.get("Addr", ""), spec.get("Labels") or {},
        resources.get("NanoCPUs", 0) / 1e9, resources.get("MemoryBytes", 0), None, gpus,
        ARCHITECTURES.get(machine, machine), (told.get("Engine") or {}).get("EngineVersion", ""),
        bool((row.get("ManagerStatus") or {}).get("Leader")), gpu,
    )  # fmt: skip


def _gpus(resources: list[dict[str, Any]]) -> tuple[str, int]:
    """The name of the generic resource that is named like a GPU, the one of most where there are several, and how many
    a node offers: a count of them, or one name each."""
    counts: Counter[str] = Counter()
    for one in resources:
        counted, named = one.get("DiscreteResourceSpec"), one.get("NamedResourceSpec")
        kind = (counted or named or {}).get("Kind", "")
        if "gpu" in kind.lower():
            counts[kind] += counted["Value"] if counted else 1
    return next(iter(counts.most_common(1)), ("", 0))


def listed() -> list[Node]:
    """Every node, by its id's order. Raises StackError where this engine is no manager of a cluster."""
    from stack.cluster import manager

    return sorted((read(row) for row in manager.listed("nodes")), key=lambda node: node.id)


def away() -> set[str]:
    """The ids of the nodes that are not there: what runs on them ends once they are back, and nobody can tell before.

    Raises StackError where this engine is no manager of a cluster."""
    return {node.id for node in listed() if node.state != "ready"}
