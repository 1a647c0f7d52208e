"""The edge to the project's own registry and its doors on the other nodes.

Engines take images without certificates from 127.0.0.0/8 alone (docs.docker.com, Test an insecure registry), and Swarm
publishes nothing there. So the registry is a container of this machine, which it alone can write to, at its 127.0.0.1;
and each other node has a door: the same program as a cache in front of it, which refuses what is pushed. It is
published in host mode, so it is on that node's 127.0.0.1, too, by the same port: no engine needs a setting, and the
kernel no IPVS. The door's port is open to the network; what is run is named by its digest, so nobody can change it."""

import hashlib
import re
import time
from collections.abc import Mapping
from typing import Any

from stack import docker
from stack.cluster import manager, nodes
from stack.cluster.placement import Cluster
from stack.cluster.tasks import unended
from stack.errors import StackError, fail

LABEL = "stack.registry"
"""What is a registry's has it: its project. It is not the label of a stack, which has no such service."""
DIGEST = "stack.digest"
HOLDER = "stack.node"
"""A label of the config that tells of a registry: its node."""
# registry:3 has its settings elsewhere than registry:2.
SERVE = (
    'exec registry serve "$(ls /etc/distribution/config.yml /etc/docker/registry/config.yml 2>/dev/null | head -n 1)"'
)
TAKEN = re.compile("port is already allocated|address already in use")
DOORS_S = 180.0
GRACE_S = 1
"""Seconds to end in: the program does not listen to the signal, and what it holds is whole at every moment."""
LOOK_S = 0.5
ENDS_S = 20.0
"""Seconds for which a door may take to end, and what it holds with it."""


def serve(project: str, image: str, at: int, encrypted: bool, cluster: Cluster) -> None:
    """Have the registry run here and a door on each other node, by this port, and wait for both. Raises StackError
    where a node lacks the image, or a door does not get ready in time."""
    name = name_of(project)
    mark = hashlib.sha256(f"{image} {at} {cluster.here} {encrypted}".encode()).hexdigest()[:16]
    label = ["--label", f"{LABEL}={project}", "--label", f"{DIGEST}={mark}"]
    _network(project, encrypted)
    _retire(name, mark)
    behind = f"REGISTRY_PROXY_REMOTEURL=http://{_alias(cluster.here)}:5000"
    _container(name, image, at, mark, [*label, "--network-alias", _alias(cluster.here)])
    _doors(name, image, at, [*label, "--constraint", f"node.id!={cluster.here}", "--env", behind])
    if cluster.here not in holders(project):
        words = ["config", "create", "--label", f"{LABEL}={project}", "--label", f"{HOLDER}={cluster.here}"]
        docker.ask([*words, f"{name[:48]}-{cluster.here[:12]}", "-"], text=f"{cluster.here}\n")
    _wait(name, image, cluster)


def _network(project: str, encrypted: bool) -> None:
    """The network between the registry and its doors. One that is encrypted otherwise goes, and they with it."""
    name = name_of(project)
    found = [row for row in manager.listed("networks", name=name) if row["Name"] == name]
    if found and manager.encrypted(found[0]) != encrypted:
        remove(project, data=False)
        found = []
    if not found:
        docker.ask(["network", "create", "--driver", "overlay", "--attachable", "--label", f"{LABEL}={project}",
                    *(["--opt", "encrypted"] if encrypted else []), name])  # fmt: skip


def holders(project: str) -> dict[str, str]:
    """The nodes on which a registry of the project was made, each with the config by which the managers remember it:
    container and volume stay there when another manager takes over."""
    found = {str((row["Spec"].get("Labels") or {}).get(HOLDER, "")): row["ID"]
             for row in manager.listed("configs", label=f"{LABEL}={project}")}  # fmt: skip
    return {node: config for node, config in found.items() if node}


def name_of(project: str) -> str:
    """What a project's registry, its volume, its doors and their network are called."""
    return f"{project}-registry"


def _alias(node: str) -> str:
    """What doors call the registry of a node: another manager from which it is deployed has one of its own."""
    return f"registry-{node}"


def _container(name: str, image: str, at: int, mark: str, words: list[str]) -> None:
    found = docker.inspected("containers", [name])
    if found and (found[0]["Config"].get("Labels") or {}).get(DIGEST) == mark:
        if not found[0]["State"]["Running"]:
            docker.ask(["start", name])
        return
    if found:
        docker.ask(["rm", "--force", name])
    docker.ask(["run", "--detach", "--name", name, "--network", name, *words, "--publish", f"127.0.0.1:{at}:5000",
                "--volume", f"{name}:/var/lib/registry", "--restart", "unless-stopped", "--cap-drop", "ALL",
                "--security-opt", "no-new-privileges:true", "--stop-timeout", str(GRACE_S), "--entrypoint", "sh",
                image, "-c", SERVE],
               timeout=60)  # fmt: skip


def _retire(name: str, mark: str) -> None:
    """End doors of another registry: where another manager takes over, the one on its node has the registry's port."""
    found = [row for row in manager.listed("services", name=name) if row["Spec"]["Name"] == name]
    if not found or (found[0]["Spec"].get("Labels") or {}).get(DIGEST) == mark:
        return
    docker.ask(["service", "rm", name])
    deadline = time.monotonic() + ENDS_S
    # Removed, too: until then the engine may take the network away under the registry that is started in it.
    words = ["ps", "--all", "--quiet", "--filter", f"label=com.docker.swarm.service.name={name}"]
    while docker.ask(words).strip() and time.monotonic() < deadline:
        time.sleep(LOOK_S)


def _doors(name: str, image: str, at: int, words: list[str]) -> None:
    if any(row["Spec"]["Name"] == name for row in manager.listed("services", name=name)):
        return
    docker.ask(["service", "create", "--detach", "--quiet", "--name", name, "--mode", "global", "--network", name,
                "--endpoint-mode", "dnsrr", "--publish", f"mode=host,published={at},target=5000",
                "--restart-delay", "2s", "--stop-grace-period", f"{GRACE_S}s", "--no-resolve-image", *words,
                "--entrypoint", "sh", image, "-c", SERVE],
               timeout=60)  # fmt: skip


def _wait(name: str, image: str, cluster: Cluster) -> None:
    """Until each node that takes tasks has its door. Raises StackError for one that has not the image, or not in
    time."""
    wanted = {node.id for node in cluster.nodes if node.serves() and node.id != cluster.here}
    deadline = time.monotonic() + DOORS_S
    # Those may have been refused before the image came to the node, or the port was given up.
    before = {task["ID"] for task in tasks(name) if task["Status"]["State"] in ("rejected", "failed")}
    while True:
        found = [task for task in tasks(name) if task.get("NodeID") in wanted]
        up = {task["NodeID"] for task in found if task["Status"]["State"] == "running"}
        if up >= wanted:
            return
        for task in found:
            if task["ID"] in before or task["NodeID"] in up:
                continue
            if "no such image" in _said(task):
                raise _lacks(image, task["NodeID"], cluster)
            if TAKEN.search(_said(task)):
                raise _taken(name, task["NodeID"], cluster)
        if time.monotonic() > deadline:
            names = ", ".join(cluster.name(one) for one in sorted(wanted - up))
            told = next((f": {_said(task)}" for task in found if task["NodeID"] not in up and _said(task)), "")
            raise fail("registry", f"the way to the images does not get ready on {names}{told}",
                       fix=f"docker service ps --no-trunc {name}")  # fmt: skip
        time.sleep(LOOK_S)


def _said(task: Mapping[str, Any]) -> str:
    return str(task["Status"].get("Err") or "").lower()


def _lacks(image: str, node: str, cluster: Cluster) -> StackError:
    """What is typed once for a node that gets this one image from nowhere."""
    found = cluster.node(node)
    at = found.address if found else "NODE"
    message = f"{cluster.name(node)} can't get the image {image}, by which it gets all others"
    return fail("registry-image", message, "REGISTRY_IMAGE", f"docker save {image} | ssh {at} docker load")


def _taken(name: str, node: str, cluster: Cluster) -> StackError:
    """What is typed where the doors' port of a node is another's: mostly the registry's, as `up` was typed there."""
    found = cluster.node(node)
    at = found.address if found else "NODE"
    message = f"on {cluster.name(node)} another program has the port by which it gets images"
    fix = f"where up was typed there before: ssh {at} docker rm --force {name}; else another BASE_PORT"
    return fail("registry", message, "BASE_PORT", fix)


def tasks(service: str) -> list[dict[str, Any]]:
    """Every task of a service that the managers still know, the oldest first."""
    ids = docker.ask(["service", "ps", "--quiet", "--no-trunc", service]).split()
    return sorted(manager.described(ids), key=lambda task: str(task["CreatedAt"]))


def image(project: str) -> str:
    """The image of a project's doors, which each node has that takes tasks; empty where there are none."""
    found = manager.listed("services", label=f"{LABEL}={project}")
    return next((str(row["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]) for row in found
                 if row["Spec"]["Name"] == name_of(project)), "")  # fmt: skip


def remove(project: str, data: bool) -> None:
    """Remove a project's registry and its doors, and with `data` what it holds on this machine."""
    name = name_of(project)
    for row in manager.listed("services", label=f"{LABEL}={project}"):
        docker.ask(["service", "rm", row["ID"]])
    if docker.inspected("containers", [name]):
        docker.ask(["rm", "--force", name])
    deadline = time.monotonic() + ENDS_S
    # A network is in use until the last door of it has ended; and a manager may let go of it before.
    while (left := _left(project)) and time.monotonic() < deadline:
        if "network" in left:
            docker.run(["network", "rm", name])
        time.sleep(LOOK_S)
    if data:
        docker.run(["volume", "rm", name])
        forget(project, str((docker.info().get("Swarm") or {}).get("NodeID", "")))


def _left(project: str) -> list[str]:
    """What is left of a project's doors: tasks that have not ended, and the network."""
    networks = manager.listed("networks", label=f"{LABEL}={project}")
    ending = unended(manager.tasks(project, LABEL), nodes.away())
    return [*(["network"] if networks else []), *ending]


def forget(project: str, node: str) -> None:
    """Forget the registry of a node, as nothing is left of it."""
    if config := holders(project).get(node):
        docker.ask(["config", "rm", config])
