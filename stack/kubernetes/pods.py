"""The pod of a service: its container, rights and limits. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from stack.kubernetes import carried, mesh, mounts, probes, waits, words
from stack.kubernetes.mounts import Mounts
from stack.kubernetes.words import Object, Scope
from stack.planning import model
from stack.planning.healthcheck import seconds
from stack.planning.model import Service
from stack.planning.plan import Service as Planned

NETWORK = "stack.network/"
"""How the labels begin that say in which networks of the project a pod is."""


class Part(msgspec.Struct, frozen=True):
    """One service of a pod: what the plan and Compose say of it, and what it mounts."""

    planned: Planned
    service: Service
    made: Mounts


def template(scope: Scope, parts: list[Part], objects: Mapping[str, str], shared: list[str]) -> Object:
    """The template of a service's pods: of the first part, and of those that share its network. `objects` names what
    each service is, and `shared` are the volumes that other pods mount too."""
    planned, service = parts[0].planned, parts[0].service
    own = {part.planned.name for part in parts}
    edges = {target: edge for part in parts for target, edge in part.planned.depends_on.items() if target not in own}
    waiting, fill = waits.containers(edges, objects), [one for part in parts for one in part.made.fill]
    marks, affinity = mounts.beside(shared)
    networks = {f"{NETWORK}{words.label(name)}"[:63]: "in" for name in service.get("networks") or {"default": None}}
    annotations = mesh.annotations(scope.mesh, bool(waiting), planned.one_shot)
    spec: Object = {
        # Variables as REDIS_PORT for each Service would be taken for settings.
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "securityContext": _pod_rights(service),
        **_names(planned, service),
        **_placed(service, affinity),
        "containers": [_container(scope, part.planned, part.service, part.made) for part in parts],
    }
    if service.get("stop_grace_period"):
        spec["terminationGracePeriodSeconds"] = round(seconds(service["stop_grace_period"]))
    if waiting:
        spec["serviceAccountName"] = waits.ACCOUNT
    if waiting or fill:
        spec["initContainers"] = [*fill, *waiting]
    volumes = {one["name"]: one for part in parts for one in part.made.volumes}
    if volumes or waiting:
        spec["volumes"] = [*volumes.values(), *([waits.volume()] if waiting else [])]
    labels = {**words.labels(scope, planned.name), **networks, **marks, **mesh.labels(scope.mesh, planned.one_shot)}
    return {"metadata": {"labels": labels, **({"annotations": annotations} if annotations else {})}, "spec": spec}


def _container(scope: Scope, planned: Planned, service: Service, made: Mounts) -> Object:
    """The container; what it has no word for is left to its image."""
    found: Object = {
        "name": planned.name,
        "image": service["image"],
        "command": [words.text(word) for word in _words(service.get("entrypoint"))],
        "args": [words.text(word) for word in _words(service.get("command"))],
        "workingDir": service.get("working_dir"),
        "env": words.variables(scope, service),
        "ports": _ports(service),
        "stdin": service.get("stdin_open"),
        "tty": service.get("tty"),
        "volumeMounts": made.mounts,
    }
    # A Job's end is its exit code; nothing asks for its health.
    checks = {} if planned.one_shot else probes.of(service.get("healthcheck") or {})
    always = {"resources": resources(planned, service), "securityContext": rights(service)}
    return {**{key: value for key, value in found.items() if value}, **checks, **always}


def _words(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _ports(service: Service) -> list[Object]:
    return [{"containerPort": port, "protocol": protocol.upper()} for port, protocol in ports(service)]


def ports(service: Service) -> list[tuple[int, str]]:
    """The ports of a service that are known, with their protocols."""
    found = {(int(port["target"]), port.get("protocol") or "tcp") for port in service.get("ports") or []}
    udp = {port for port, protocol in found if protocol != "tcp"}
    return sorted(found | {(port, "tcp") for port in model.exposed(service) - udp})


def rights(service: Service) -> Object:
    """What the container may: no more than Compose says, and never more by a program with another owner's rights."""
    user, _, group = str(service.get("user") or "").partition(":")
    said = {"runAsUser": user, "runAsGroup": group}
    numbers = {key: 0 if who == "root" else int(who) for key, who in said.items() if who}
    capabilities = {way: [one.upper().removeprefix("CAP_") for one in service[key]]
                    for way, key in (("drop", "cap_drop"), ("add", "cap_add")) if service.get(key)}  # fmt: skip
    return {
        "allowPrivilegeEscalation": not service.get("security_opt"),
        **({"capabilities": capabilities} if capabilities else {}),
        **({"readOnlyRootFilesystem": True} if service.get("read_only") else {}),
        **numbers,
    }


def _pod_rights(service: Service) -> Object:
    # Engines have a list of system calls by default, nodes only where it is asked for.
    found: Object = {"seccompProfile": {"type": "RuntimeDefault"}}
    if service.get("group_add"):
        found["supplementalGroups"] = [int(one) for one in service["group_add"]]
    if service.get("sysctls"):
        found["sysctls"] = [{"name": name, "value": str(value)} for name, value in service["sysctls"].items()]
    return found


def resources(planned: Planned, service: Service) -> Object:
    """Limits as Compose has them. What is reserved of memory is half of it unless said: the limits of this project are
    at least twice what was seen (docs/performance.md), and whoever names none asks for all of it."""
    said = (service.get("deploy") or {}).get("resources") or {}
    most, least = said.get("limits") or {}, said.get("reservations") or {}
    memory = int(most.get("memory") or service.get("mem_limit") or 0)
    reserved = int(least.get("memory") or service.get("mem_reservation") or memory // 2)
    limits = {"memory": memory or None, "cpu": most.get("cpus") or service.get("cpus"), **_gpus(planned, service)}
    requests = {"memory": reserved or None, "cpu": least.get("cpus")}
    both = {"limits": limits, "requests": requests}
    clean = {kind: {name: str(value) for name, value in of.items() if value} for kind, of in both.items()}
    return {kind: of for kind, of in clean.items() if of}


def _gpus(planned: Planned, service: Service) -> dict[str, Any]:
    """How many GPUs: what says `all` has one, as a pod shares a node with others; AMD's are devices on an engine."""
    said = (((service.get("deploy") or {}).get("resources") or {}).get("reservations") or {}).get("devices") or []
    wanted = [one for one in [*said, *(service.get("gpus") or [])] if isinstance(one, dict)]
    if wanted:
        return {carried.NVIDIA: max(_count(one) for one in wanted)}
    return {carried.AMD: 1} if planned.gpu == "amd" or service.get("devices") else {}


def _count(device: Mapping[str, Any]) -> int:
    count = device.get("count")
    return len(device.get("device_ids") or []) or (int(str(count)) if str(count).isdecimal() else 1)


def _names(planned: Planned, service: Service) -> Object:
    """A name that the pod knows itself by. That of a StatefulSet's pod is its own, so there the wanted one is an
    address of its own instead."""
    host, own = carried.below(planned.name, service), service.get("hostname") or ""
    given = [{"ip": address.strip("[]"), "hostnames": [name]} for name, address in carried.hosts(service)]
    if own and mounts.written(service):
        given.append({"ip": "127.0.0.1", "hostnames": [own]})
    found: Object = {"hostAliases": given} if given else {}
    if host:
        return {**found, "hostname": host, "subdomain": planned.name}
    return {**found, "hostname": own.partition(".")[0]} if own and not mounts.written(service) else found


def _placed(service: Service, affinity: Object) -> Object:
    architecture = str(service.get("platform") or "").partition("/")[2].partition("/")[0]
    found: Object = {"affinity": affinity} if affinity else {}
    return {**found, "nodeSelector": {"kubernetes.io/arch": architecture}} if architecture else found
