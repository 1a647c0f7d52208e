"""Where the services of a plan go: state stays with its node, all else may move. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from stack.cluster.nodes import Node
from stack.errors import USAGE, Problem, StackError, fail
from stack.names import echoed, suggest
from stack.planning import model
from stack.planning.model import Model, Service

ENTRANCE = "stack.gateway"
"""The label of the nodes that take requests from outside: `docker node update --label-add stack.gateway=true NODE`."""
FULL = 2 << 30
"""Bytes of free disk under which no new state goes to a node."""
NETWORKED = ("nfs", "nfs4", "cifs", "smb3")
"""Types of the `local` driver whose data is elsewhere."""


class Where(msgspec.Struct, frozen=True):
    """The node of one service, by its id, and why it is that one; no id where the cluster spreads it as it likes, or
    among those that fit `also`."""

    node: str
    why: str
    also: tuple[str, ...] = ()

    def constraints(self) -> list[str]:
        """The same as a stack file has it."""
        return [*([f"node.id=={self.node}"] if self.node else []), *self.also]


class Kept(msgspec.Struct, frozen=True):
    """What is remembered between starts: the node of each volume, by the engine's name of it, and of each service that
    was given one."""

    volumes: dict[str, str] = {}
    services: dict[str, str] = {}


class Placement(msgspec.Struct, frozen=True):
    """Where each service goes, and what is to be remembered of it. Of the services in `waiting`, the node is not there:
    none of them starts elsewhere by itself. `replicas` are those of a service that is on each of some nodes; of the
    problems, `refused` are in the way, and `warned` are not. `gpu` is what the nodes call a GPU."""

    services: dict[str, Where]
    kept: Kept = Kept()
    waiting: dict[str, str] = {}
    replicas: dict[str, int] = {}
    refused: list[Problem] = []
    warned: list[Problem] = []
    gpu: str = ""


class Cluster(msgspec.Struct, frozen=True):
    """What placing goes by: the nodes, which of them this engine is, the volumes that it has, and the architecture that
    each image is for, where it is known."""

    nodes: list[Node]
    here: str
    volumes: frozenset[str] = frozenset()
    architectures: Mapping[str, str] = {}

    def node(self, identity: str) -> Node | None:
        """The node of an id."""
        return next((node for node in self.nodes if node.id == identity), None)

    def name(self, identity: str) -> str:
        """What a node is called: its host name where that is its alone."""
        node = self.node(identity)
        if node is None:
            return identity[:12]
        twins = [other for other in self.nodes if other.hostname == node.hostname]
        return node.hostname if len(twins) == 1 else f"{node.hostname} ({node.id[:12]})"


def asked(said: Iterable[str], cluster: Cluster, services: Iterable[str]) -> dict[str, str]:
    """The node of each service that `--place SERVICE=NODE` names, by host name, address, or the beginning of an id.

    Raises StackError for a word of another form, a service that is not planned, and a node that is not there or is not
    the only one of its name."""
    found, known = {}, sorted(services)
    for word in said:
        service, equals, name = word.partition("=")
        if not equals or not name:
            raise fail("usage", f"--place: expected SERVICE=NODE, got {echoed(word)}", "--place",
                       "./inv up --place redis=NODE", USAGE)  # fmt: skip
        if service not in known:
            hint = suggest(service, known) or "./inv plan"
            raise fail("unknown-service", f"--place: {echoed(service)} is not planned", "--place", hint, USAGE)
        nodes = [n for n in cluster.nodes if name in (n.hostname, n.address, n.id) or n.id.startswith(name)]
        if len(nodes) != 1:
            which = "no node" if not nodes else f"{len(nodes)} nodes"
            raise fail("unknown-node", f"--place: {which} of the name {echoed(name)}", "--place",
                       "./inv cluster lists them with their ids", USAGE)  # fmt: skip
        found[service] = nodes[0].id
    return found


def place(assembled: Model, cluster: Cluster, kept: Kept, wanted: Mapping[str, str], entrance: str) -> Placement:
    """Where all services of an assembled model go. `wanted` is what --place says; `entrance` is the service that takes
    requests from outside."""
    services: Mapping[str, Service] = assembled["services"]
    volumes = assembled.get("volumes") or {}
    places: dict[str, Where] = {}
    waiting: dict[str, str] = {}
    refused: list[Problem] = []
    warned: list[Problem] = []
    of_volumes, of_services = dict(kept.volumes), {**kept.services, **wanted}
    for group, keys in _groups(services, volumes):
        names = [(volumes[key] or {}).get("name", key) for key in keys]
        where, problems = _stateful(group, names, services, cluster, kept, wanted)
        refused += problems
        if where is None:
            continue
        places |= dict.fromkeys(group, where)
        of_volumes |= dict.fromkeys(names, where.node)
        of_services = {name: node for name, node in of_services.items() if name not in group}
        if lacking := _lacking(cluster, where.node):
            told = f"its data ({', '.join(names)}) is on {cluster.name(where.node)}, which {lacking}"
            waiting |= dict.fromkeys(group, told)
        elif full := _full(cluster, where.node, group):
            warned.append(full)
    counts = {}
    for name in [one for one in services if one not in places]:
        labelled = [node for node in cluster.nodes if node.labels.get(ENTRANCE) == "true"]
        # A task for one that is away would wait, and `up` with it.
        doors = [node for node in labelled if node.serves()] or labelled
        if name == entrance and doors and name not in wanted:
            counts[name] = len(doors)
            told = ", ".join(cluster.name(node.id) for node in doors)
            places[name] = Where("", f"labelled {ENTRANCE}: {told}", (f"node.labels.{ENTRANCE}==true",))
            of_services.pop(name, None)
        elif name == entrance or services[name].get("network_mode") == "host" or name in of_services:
            node, why = _chosen(name, cluster, kept, wanted)
            places[name], of_services[name] = Where(node, why), node
            if lacking := _lacking(cluster, node):
                waiting[name] = f"it is placed on {cluster.name(node)}, which {lacking}"
        else:
            places[name] = _anywhere(services[name], cluster)
    refused += _gpus(services, cluster)
    mine = Kept(of_volumes, of_services)
    most = max(cluster.nodes, key=lambda node: node.gpus)
    return Placement(places, mine, waiting, counts, refused, warned, most.gpu)


def floats(volume: Model | None) -> bool:
    """Whether a volume's data is on no node: it is another driver's, or the local one mounts it from the network."""
    own = volume or {}
    options = own.get("driver_opts") or {}
    return own.get("driver", "local") not in ("", "local") or str(options.get("type", "")).lower() in NETWORKED


def _groups(services: Mapping[str, Service], volumes: Mapping[str, Model]) -> list[tuple[list[str], list[str]]]:
    """The services that have to be on one node as they share volumes, with these; in the order of the services."""
    groups: list[tuple[list[str], list[str]]] = []
    for name, service in services.items():
        keys = [key for key in dict.fromkeys(model.named_volumes(service)) if not floats(volumes.get(key))]
        if not keys:
            continue
        same = [group for group in groups if set(keys) & set(group[1])]
        members = [one for group in same for one in group[0]]
        every = [one for group in same for one in group[1]]
        groups = [group for group in groups if group not in same]
        groups.append(([*members, name], list(dict.fromkeys([*every, *keys]))))
    return groups


def _stateful(group: list[str], names: list[str], services: Mapping[str, Service], cluster: Cluster, kept: Kept,
              wanted: Mapping[str, str]) -> tuple[Where | None, list[Problem]]:  # fmt: skip
    """Where services with these volumes go: where these are, else where they are asked to, else where there is most
    room."""
    asked_for = sorted({wanted[name] for name in group if name in wanted})
    there = sorted({kept.volumes[name] for name in names if name in kept.volumes})
    there = there or ([cluster.here] if any(name in cluster.volumes for name in names) else [])
    if problem := _contradicting(group, names, asked_for, there, cluster):
        return None, [problem]
    if asked_for:
        gone = any(cluster.node(node) is None for node in there)
        why = "as --place says; it starts empty, as the node of its data is gone" if gone else "as --place says"
        return Where(asked_for[0], why), []
    if there:
        return Where(there[0], f"its data is there: {', '.join(names)}"), []
    return _roomiest(group, names, services, cluster)


def _contradicting(group: list[str], names: list[str], asked_for: list[str], there: list[str],
                   cluster: Cluster) -> Problem | None:  # fmt: skip
    """What is wrong with the nodes that services are asked to go to, beside those of their data."""
    title, told = " and ".join(group), ", ".join(names)
    if len(asked_for) > 1:
        message = f"{title} share {told}, and --place gives them several nodes"
        return Problem("place", message, "--place", "give them the same one")
    if asked_for and any(cluster.node(node) and [node] != asked_for for node in there):
        message = f"the data of {title} ({told}) is on {cluster.name(there[0])}, and --place moves none"
        fix = "leave --place out; docs/cluster.md says how data moves"
        return Problem("place", message, "--place", fix)
    if len(there) > 1 and not asked_for:
        nodes = ", ".join(cluster.name(node) for node in there)
        return Problem("place", f"the data of {title} is on several nodes: {nodes}", "", "docker volume ls on each")
    return None


def _roomiest(group: list[str], names: list[str], services: Mapping[str, Service],
              cluster: Cluster) -> tuple[Where | None, list[Problem]]:  # fmt: skip
    """Of the nodes that run these services' images the one with the most room."""
    fit = [node for node in cluster.nodes if node.serves() and _runs_all(group, services, cluster, node)]
    room = [node for node in fit if node.disk_free is None or node.disk_free >= FULL]
    if not room:
        short = f"no node has {FULL >> 30} GB of disk free" if fit else "no node that runs its image takes tasks"
        return None, [Problem("no-node", f"{' and '.join(group)} can go nowhere: {short}", "", "./inv cluster")]
    most = max(room, key=lambda node: (node.disk_free or 0, node.id == cluster.here))
    alone = len(cluster.nodes) == 1
    why = (
        "the only node"
        if alone
        else "most disk free"
        if most.disk_free is not None
        else "where up is typed, unless another has more disk free"
    )
    return Where(most.id, f"{why}; its data ({', '.join(names)}) stays there"), []


def _runs_all(group: list[str], services: Mapping[str, Service], cluster: Cluster, node: Node) -> bool:
    architectures = {cluster.architectures.get(services[name]["image"], "") for name in group} - {""}
    return architectures <= {node.architecture, ""} if node.architecture else True


def _lacking(cluster: Cluster, identity: str) -> str:
    """Why no task starts on a node; empty where one does."""
    node = cluster.node(identity)
    if node is None:
        return "left the cluster"
    if node.state != "ready":
        return f"is {node.state}"
    return "" if node.availability == "active" else f"takes no tasks (availability: {node.availability})"


def restores(cluster: Cluster, placement: Placement) -> list[Problem]:
    """For each service that waits for a node: why, and what brings it back."""
    found = []
    for name, why in placement.waiting.items():
        node = cluster.node(placement.services[name].node)
        if name in placement.kept.services and not (node and node.state == "ready"):
            fix = f"it has no data there: ./inv up --place {name}=NODE; or start that machine's engine"
        elif node is None:
            fix = f"join that machine again; or give that data up, and start empty: ./inv up --place {name}=NODE"
        elif node.state != "ready":
            fix = (
                "start that machine's engine: it joins by itself; or, if it is gone for good: docker node rm "
                f"{node.id}, then ./inv up --place {name}=NODE, which starts empty"
            )
        else:
            fix = f"docker node update --availability active {node.id}"
        found.append(Problem("node-gone", f"{name} waits: {why}", name, fix))
    return found


def _full(cluster: Cluster, identity: str, group: list[str]) -> Problem | None:
    node = cluster.node(identity)
    if node is None or node.disk_free is None or node.disk_free >= FULL:
        return None
    message = f"{cluster.name(identity)} has {node.disk_free / 1e9:.1f} GB of disk left for {' and '.join(group)}"
    return Problem("node-full", message, "", "make room there")


def _chosen(name: str, cluster: Cluster, kept: Kept, wanted: Mapping[str, str]) -> tuple[str, str]:
    if name in wanted:
        return wanted[name], "as --place says"
    if name in kept.services and cluster.node(kept.services[name]):
        return kept.services[name], "as at its first start"
    return cluster.here, "where up was typed"


def _anywhere(service: Service, cluster: Cluster) -> Where:
    """A service without state: on any node, of those that its image is for where they differ."""
    machine = cluster.architectures.get(service.get("image", ""), "")
    if machine and {node.architecture for node in cluster.nodes} - {machine, ""}:
        fit = [cluster.name(node.id) for node in cluster.nodes if node.architecture in (machine, "")]
        raw = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
        return Where("", f"its image is for {machine}: {', '.join(fit) or 'no node'}", (f"node.platform.arch=={raw}",))
    return Where("", "has no state here: any node")


def _gpus(services: Mapping[str, Service], cluster: Cluster) -> list[Problem]:
    """A problem for each service that asks for more GPUs than any node offers."""
    fix = "dockerd --node-generic-resource gpu=UUID on the node that has one (docs/cluster.md)"
    most = max((node.gpus for node in cluster.nodes), default=0)
    has = f"no node offers more than {most}" if most else "no node offers one as a generic resource"
    return [Problem("no-gpu", f"{name} asks for {'a GPU' if count == 1 else f'{count} GPUs'}, and {has}", name, fix)
            for name, service in services.items() if (count := gpus(service)) > most]  # fmt: skip


def gpus(service: Service) -> int:
    """How many GPUs a service of Compose reserves; all of them count as one."""
    reserved = ((service.get("deploy") or {}).get("resources") or {}).get("reservations") or {}
    devices = [one for one in reserved.get("devices") or [] if "gpu" in (one.get("capabilities") or [])]
    return sum(len(one.get("device_ids") or []) or max(int(one.get("count") or 1), 1) for one in devices)


def check(placement: Placement, cluster: Cluster) -> None:
    """Raises StackError for all that keeps a service from where it should be."""
    problems = [*placement.refused, *restores(cluster, placement)]
    if problems:
        raise StackError(problems)
