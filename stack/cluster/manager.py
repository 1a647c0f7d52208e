"""The edge to a manager of the cluster: what its API lists, as values."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from stack import docker
from stack.cluster import joining
from stack.errors import StackError, fail

NAMESPACE = "com.docker.stack.namespace"
"""The label by which `docker stack` knows what is a stack's: its name."""
LISTS: Mapping[str, tuple[list[str], list[str]]] = {
    "nodes": (["node", "ls", "-q"], ["node", "inspect"]),
    "services": (["service", "ls", "-q"], ["service", "inspect"]),
    "secrets": (["secret", "ls", "-q"], ["secret", "inspect"]),
    "configs": (["config", "ls", "-q"], ["config", "inspect"]),
    "networks": (["network", "ls", "-q", "--no-trunc"], ["network", "inspect"]),
}
"""How the client lists what lies behind each resource of the API, and how it tells all of it."""


def active() -> bool:
    """Whether this engine is a manager that can tell and change what runs in its cluster. False without an engine."""
    try:
        return bool((docker.info().get("Swarm") or {}).get("ControlAvailable"))
    except StackError:
        return False


def check() -> None:
    """Raises StackError where this engine is no manager of a cluster."""
    if active():
        return
    info = docker.info()
    if joining.state(info) == "worker":
        message = f"this engine is a worker of a cluster, whose managers are {', '.join(joining.managers(info))}"
        raise fail("no-cluster", message, "RUN_ON", "type it there; or, there: docker node promote "
                   + str(info.get("Name", "NODE")))  # fmt: skip
    raise fail("no-cluster", "this engine is no manager of a cluster", "RUN_ON",
               "./inv cluster --join, or run on this machine alone: ./inv up --on compose")  # fmt: skip


def listed(resource: str, **filters: str) -> list[dict[str, Any]]:
    """The nodes, services, secrets, configs or networks that fit the filters, as the API has them.

    Raises StackError where this engine is no manager, or does not answer."""
    words = quote(json.dumps({name: [value] for name, value in filters.items()}))
    try:
        return docker.told(f"/{resource}?filters={words}") or []
    except LookupError:
        listing, inspect = LISTS[resource]
        flags = [word for name, value in filters.items() for word in ("--filter", f"{name}={value}")]
        ids = docker.ask([*listing, *flags]).split()
        return json.loads(docker.ask([*inspect, *ids])) if ids else []


def of_stack(resource: str, project: str) -> list[dict[str, Any]]:
    """What a project has of services, secrets, configs or networks."""
    return listed(resource, label=f"{NAMESPACE}={project}")


def tasks(project: str, label: str = NAMESPACE) -> list[dict[str, Any]]:
    """Every task of a project's services that the managers still know, ended ones too, and such whose service is gone;
    `label` is by which services are the project's."""
    words = quote(json.dumps({"label": [f"{label}={project}"]}))
    try:
        return docker.told(f"/tasks?filters={words}") or []
    except LookupError:
        services = docker.ask(["service", "ls", "-q", "--filter", f"label={label}={project}"]).split()
        ids = docker.ask(["service", "ps", "-q", "--no-trunc", *services]).split() if services else []
        return described(ids)


def described(ids: Sequence[str]) -> list[dict[str, Any]]:
    """The tasks of these ids. One that the managers have forgotten since it was listed is left out."""
    if not ids:
        return []
    words = ["inspect", "--type", "task", *ids]
    done = docker.run(words)
    if done.returncode and "no such" not in done.stderr.lower():
        raise docker.failed(words, done.stderr)
    found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return found


def encrypted(network: Mapping[str, Any]) -> bool:
    """Whether what goes between nodes in an overlay is encrypted."""
    return "encrypted" in (network.get("Options") or (network.get("DriverState") or {}).get("Options") or {})
