"""What a cluster lacks, as problems by node: each with what to type. Pure."""

from collections.abc import Iterator, Mapping

from stack.cluster import clocks
from stack.cluster.nodes import Node
from stack.cluster.placement import ENTRANCE, FULL, Cluster
from stack.errors import Problem
from stack.names import size

MANAGERS = 3
"""With which the loss of one is borne (docs.docker.com, Administer and maintain a swarm of Docker Engines)."""


def of_cluster(cluster: Cluster) -> list[Problem]:
    """What is wrong with the nodes together."""
    return [*_managers(cluster), *_doors(cluster)]


def of_nodes(cluster: Cluster, offsets: Mapping[str, float]) -> dict[str, list[Problem]]:
    """What is wrong with each node, by its id; `offsets` are how many seconds each one's clock is ahead."""
    return {node.id: list(_of_node(node, cluster, offsets.get(node.id, 0.0))) for node in cluster.nodes}


def _word(cluster: Cluster, identity: str) -> str:
    """What the docker client takes for a node: its host name where that is its alone, else its id."""
    name = cluster.name(identity)
    return identity if " " in name else name


def _of_node(node: Node, cluster: Cluster, ahead: float) -> Iterator[Problem]:
    name, word = cluster.name(node.id), _word(cluster, node.id)
    if node.state != "ready":
        fix = f"start that machine's engine: it joins by itself; or, if it is gone for good: docker node rm {word}"
        yield Problem("node-down", f"{name} is {node.state}", name, fix)
    elif node.availability != "active":
        message = f"{name} takes no tasks (availability: {node.availability})"
        yield Problem("node-drained", message, name, f"docker node update --availability active {word}")
    if node.disk_free is not None and node.disk_free < FULL:
        message = f"{name} has {size(node.disk_free)} of its disk free, and gets no new state below {size(FULL)}"
        yield Problem("node-full", message, name, "docker system df there, then remove what you don't need")
    here = cluster.node(cluster.here)
    if here and node.architecture not in ("", here.architecture):
        message = f"{name} is of another architecture ({node.architecture}) than this machine ({here.architecture})"
        yield Problem("node-architecture", f"{message}, which builds images for its own", name,
                      "nothing, if you know: what is built here does not go there")  # fmt: skip
    if abs(ahead) >= clocks.OFF_S:
        message = f"the clock of {name} is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the managers'"
        yield Problem("node-clock", message, name, "timedatectl set-ntp true, there or on the managers")


def _managers(cluster: Cluster) -> Iterator[Problem]:
    managers = [node for node in cluster.nodes if node.role == "manager"]
    spare = [_word(cluster, node.id) for node in cluster.nodes if node.role == "worker" and node.serves()]
    lost = len(managers) - len([node for node in managers if node.state == "ready"])
    if len(managers) == 2:
        fix = f"docker node promote {spare[0]}" if spare else f"join a third machine, or {_demotion(cluster)}"
        yield Problem("two-managers", "the loss of either of two managers stops every change", "", fix)
    elif len(managers) == 1 and len(cluster.nodes) >= MANAGERS:
        fix = f"docker node promote {' '.join(spare[:2])}" if len(spare) > 1 else "join more machines"
        message = "without its only manager nothing can be changed, and nothing that ends comes back"
        yield Problem("one-manager", message, "", fix)
    elif lost and len(managers) - 2 * lost <= 1:
        message = f"{lost} of {len(managers)} managers are gone: the loss of another one stops every change"
        yield Problem("few-managers", message, "", "bring them back, or promote others: docker node promote NODE")


def _demotion(cluster: Cluster) -> str:
    other = next(node for node in cluster.nodes if node.role == "manager" and node.id != cluster.here)
    return f"docker node demote {_word(cluster, other.id)}"


def _doors(cluster: Cluster) -> Iterator[Problem]:
    doors = [node for node in cluster.nodes if node.labels.get(ENTRANCE) == "true"]
    if doors and not any(node.serves() for node in doors):
        message = f"no node with the label {ENTRANCE} takes tasks: nothing outside reaches the gateway"
        yield Problem("no-door", message, "", f"docker node update --label-add {ENTRANCE}=true NODE")
    elif not doors and len(cluster.nodes) > 1:
        fix = f"docker node update --label-add {ENTRANCE}=true {_word(cluster, cluster.here)}"
        message = f"no node has the label {ENTRANCE}: the gateway takes requests where up is typed, on one node"
        yield Problem("no-door", message, "", fix)
