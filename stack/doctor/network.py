"""The project's containers in their networks: who is where, and whom each is to reach."""

from urllib.parse import urlsplit

import msgspec

from stack.doctor.scene import Inspected, Scene, service_of
from stack.gateway import entrance, upstreams
from stack.planning import addresses
from stack.planning.addresses import Address
from stack.running import sockets


class Use(msgspec.Struct, frozen=True):
    """An address of another planned service that a service is told or waits for."""

    service: str
    host: str
    port: int
    by: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """How the service comes by the address, for the end of a sentence."""
        return f"which its {' and '.join(self.by)} names" if self.by else "which it depends on"


def ready(one: Inspected) -> bool:
    """Whether a container runs and its healthcheck, where it has one, passes."""
    state = one["State"]
    health = (state.get("Health") or {}).get("Status", "healthy")
    return state["Running"] and not state.get("Paused") and not state.get("Restarting") and health == "healthy"


def absent(scene: Scene, one: Inspected) -> dict[str, list[str]]:
    """The planned networks on which a container is not, or not by its service's name; each with the names it is to
    have there. Nothing where the plan has other networks than the container was made for: that is drift."""
    wanted = addresses.networks(scene.planned.facts.model, service_of(one))
    there = (one.get("NetworkSettings") or {}).get("Networks") or {}
    known = {network["Name"] for network in scene.networks}
    missing = {name: aliases for name, aliases in wanted.items()
               if not set(aliases) <= _called(there.get(name))}  # fmt: skip
    return missing if set(missing) <= known and not _drifts(scene, service_of(one)) else {}


def _called(attached: dict[str, list[str] | None] | None) -> set[str]:
    """The names that a container has on a network: newer engines tell them all as DNSNames."""
    return {*((attached or {}).get("Aliases") or []), *((attached or {}).get("DNSNames") or [])}


def _drifts(scene: Scene, name: str) -> bool:
    return any(change.name == name and change.action in ("recreate", "replace") for change in scene.changes)


def shut(scene: Scene, name: str) -> bool:
    """Whether a service can't be asked for a reason that another check tells: it is not ready, or off its network."""
    running = scene.running().get(name) or []
    return not any(ready(one) and not absent(scene, one) for one in running)


def port_told(scene: Scene, name: str, port: int) -> bool:
    """Whether a service publishes this port, and nothing listens there for others: that is told as port-silent."""
    look = scene.looks.get(name)
    if look is None or any(one.open for one in sockets.at(look.listeners, port)):
        return False
    return any((port, "tcp") in published(one) for one in scene.running().get(name) or [])


def uses(scene: Scene, name: str) -> list[Use]:
    """Every address of another planned service that a service is told in its environment, and that of each service that
    it waits for. Jobs that end have none."""
    planned = scene.planned
    known, names = addresses.names(planned.facts.model), set(planned.plan.names())
    told = [(known.get(a.host, ""), a) for a in addresses.named(environment(scene, name))]
    found = {(a.host, a.port): Use(s, a.host, a.port, a.by) for s, a in told if s in names and s != name}
    service = scene.planned_service(name)
    for target in service.depends_on if service else ():
        there = scene.planned_service(target)
        url = urlsplit(there.url or "") if there else urlsplit("")
        if url.hostname and url.port:
            found.setdefault((url.hostname, url.port), Use(target, url.hostname, url.port))
    jobs = {s.name for s in planned.plan.services if s.one_shot}
    return [use for use in found.values() if use.service not in jobs and _meet(scene, name, use.service)]


def _meet(scene: Scene, one: str, other: str) -> bool:
    """Whether two services share a network of the plan: some layouts keep them apart."""
    model = scene.planned.facts.model
    return not addresses.networks(model, one).keys().isdisjoint(addresses.networks(model, other))


def of_this_machine(scene: Scene, name: str) -> list[Address]:
    """The addresses of this machine that a service is told by the engine's name for it."""
    return [a for a in addresses.named(environment(scene, name)) if a.host in addresses.HOST_NAMES]


def environment(scene: Scene, name: str) -> dict[str, str | None]:
    """A planned service's environment; secrets are tokens."""
    found: dict[str, str | None] = scene.raw(name).get("environment") or {}
    return found


def bridge(network: dict[str, object]) -> str:
    """The name of a network's bridge among this machine's interfaces."""
    options = network.get("Options")
    given = options.get("com.docker.network.bridge.name") if isinstance(options, dict) else None
    return str(given or f"br-{str(network['Id'])[:12]}")


def own(one: Inspected) -> bool:
    """Whether a container is up and has a network of its own: neither the machine's nor another container's."""
    mode = str((one.get("HostConfig") or {}).get("NetworkMode"))
    return not (one["State"].get("Paused") or one["State"].get("Restarting")) and mode != "host" and ":" not in mode


def published(one: Inspected) -> list[tuple[int, str]]:
    """The ports of a container that are published, with their protocol."""
    ports = (one.get("NetworkSettings") or {}).get("Ports") or {}
    return [(int(port), protocol) for key, bound in ports.items() if bound
            for port, _, protocol in [key.partition("/")]]  # fmt: skip


def ends(scene: Scene) -> list[upstreams.End]:
    """Where the gateway's routes of the plan lead."""
    return upstreams.ends(entrance.of(scene.planned).config)


def given(one: Inspected) -> dict[str, str]:
    """The environment that a container was made with."""
    lines = [line.partition("=") for line in one["Config"].get("Env") or []]
    return {name: value for name, _, value in lines}
