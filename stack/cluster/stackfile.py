"""The assembled project as a stack file for `docker stack deploy`: what Swarm can't carry is translated, or refused by
name. Pure."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping

import msgspec

from stack.cluster import limits
from stack.cluster.placement import Placement
from stack.cluster.service import DIGEST, HOST, Sources, closed_memory, translated
from stack.errors import Problem
from stack.planning import assembly, compare
from stack.planning.model import Model, Service

VERSION = "3.9"
"""The newest form of a stack file that a client 20.10 takes (docker/cli, cli/compose/schema)."""
ANY = re.compile(r"\$\{([A-Z][A-Z0-9_]*):?[?-][^}]*\}")
"""A secret anywhere in a value of the assembled project."""


class Stack(msgspec.Struct, frozen=True):
    """A project for Swarm: its services as a stack file has them with the digest of each, its networks and volumes, and
    the configs and secrets by name, which are made beforehand. `refused` is what Swarm can't carry; `told` is what
    differs there from Compose, a line each."""

    services: dict[str, Service]
    digests: dict[str, str]
    networks: dict[str, Model]
    volumes: dict[str, Model]
    configs: dict[str, bytes]
    secrets: dict[str, bytes]
    refused: list[Problem]
    told: list[str]

    def replicas(self, name: str) -> int:
        """How many tasks a service has; one of each node counts as one."""
        return int(self.services[name]["deploy"].get("replicas", 1))


def make(assembled: Model, placement: Placement, sources: Sources) -> Stack:
    """The stack of an assembled model, placed."""
    objects: dict[str, dict[str, bytes]] = {"configs": {}, "secrets": {}}
    services: dict[str, Service] = {}
    digests: dict[str, str] = {}
    refused: list[Problem] = []
    volumes = assembled.get("volumes") or {}
    for name, raw in assembled["services"].items():
        refused += limits.refused(name, raw, sources.files, sources.fragments.get(name, name))
        made = translated(name, raw, placement, sources, assembled, objects)
        digests[name] = _digest(made, sources)
        made["labels"] = {**(made.get("labels") or {}), DIGEST: digests[name]}
        services[name] = made
    networks = {key: _network(own or {}, sources) for key, own in (assembled.get("networks") or {}).items()}
    if any(HOST in (service.get("networks") or {}) for service in services.values()):
        networks[HOST] = {"external": True, "name": "host"}
    shaped = {key: _volume(key, own or {}, sources.project) for key, own in volumes.items()}
    return Stack(services, digests, networks, shaped, objects["configs"], objects["secrets"], refused,
                 _told(assembled, services, sources))  # fmt: skip


def text(stack: Stack, names: Iterable[str]) -> str:
    """The stack file of some of the services, with what they use. No secret is in it: each is a variable, as in
    compose.yaml."""
    chosen = {name: stack.services[name] for name in names}
    used: dict[str, set[str]] = {}
    for service in chosen.values():
        for section in ("networks", "configs", "secrets", "volumes"):
            used.setdefault(section, set()).update(_named(service, section))
    made: Model = {"version": VERSION, "services": chosen}
    shared: Mapping[str, Mapping[str, Model]] = {
        "networks": stack.networks, "volumes": stack.volumes,
        "configs": {name: {"external": True, "name": name} for name in stack.configs},
        "secrets": {name: {"external": True, "name": name} for name in stack.secrets},
    }  # fmt: skip
    for section, every in shared.items():
        if found := {key: value for key, value in every.items() if key in used.get(section, ())}:
            made[section] = found
    return assembly.to_yaml(made)


def _named(service: Service, section: str) -> set[str]:
    if section == "networks":
        return set(service.get("networks") or {})
    entries = service.get(section) or []
    return {e["source"] for e in entries if section != "volumes" or (e["type"] == "volume" and e.get("source"))}


def _network(own: Model, sources: Sources) -> Model:
    if own.get("external"):
        return {"external": True, "name": own["name"]} if own.get("name") else {"external": True}
    kept = {key: own[key] for key in ("internal", "labels") if own.get(key)}
    pools = [{"subnet": pool["subnet"]} for pool in (own.get("ipam") or {}).get("config") or [] if pool.get("subnet")]
    made: Model = {"driver": "overlay", "attachable": True, **kept, **({"ipam": {"config": pools}} if pools else {})}
    return {**made, "driver_opts": {"encrypted": ""}} if sources.encrypted else made


def _volume(key: str, own: Model, project: str) -> Model:
    """A volume with the name and the labels that Compose gives it, so that each finds the other's."""
    labels = {**(own.get("labels") or {}), "com.docker.compose.project": project, "com.docker.compose.volume": key}
    kept = {k: own[k] for k in ("driver", "driver_opts", "name") if own.get(k)}
    return {"external": True, "name": own["name"]} if own.get("external") else {**kept, "labels": labels}


def _digest(made: Service, sources: Sources) -> str:
    """The digest of a service: without the number of its tasks, which changes nothing of those that are there, and
    with the value of each secret and the image that its name means now."""
    deploy = {key: value for key, value in made["deploy"].items() if key not in ("replicas", "labels")}
    names = compare.model_variables(made)
    text = json.dumps([{**made, "deploy": deploy}, [sources.values.get(name, "") for name in sorted(names)],
                       sources.ids.get(made["image"], "")], sort_keys=True)  # fmt: skip
    # Whether a secret must be set follows from where others come from, and is no part of this one.
    text = ANY.sub(r"${\1}", text)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _told(assembled: Model, made: Mapping[str, Service], sources: Sources) -> list[str]:
    """What is other than with Compose, a line for all services that it is true of."""
    services = assembled["services"]
    lines = []
    closed = [n for n, s in services.items() if s.get("ports") and n not in sources.entrances]
    inside = [n for n, s in made.items() if compare.model_variables(s.get("environment") or {})]
    free = [n for n, s in services.items() if s.get("security_opt")]
    if closed:
        lines.append(
            f"not published, as Swarm knows no 127.0.0.1 (./inv open NAME says how to reach it): {_list(closed)}"
        )
    if inside:
        lines.append(f"secrets in the environment, where managers can read them: {_list(inside)}")
    if open_ := [n for n, s in services.items() if closed_memory(s)]:
        lines.append("mounts in memory that every user of the container may write to, as a stack file has no word for "
                     f"their mode: {_list(open_)}")  # fmt: skip
    if free:
        lines.append("a stack file can't say no-new-privileges: set \"no-new-privileges\": true in each engine's "
                     "/etc/docker/daemon.json")  # fmt: skip
    return lines


def _list(names: list[str]) -> str:
    return ", ".join(sorted(names))
