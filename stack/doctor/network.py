"""The plan's networks: where each service is to be, and whom it is to reach."""

from urllib.parse import urlsplit

import msgspec

from stack.doctor.inspected import Inspected, service_of
from stack.planning import addresses, model
from stack.planning.addresses import Address
from stack.planning.planner import Planned


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


def missing(planned: Planned, one: Inspected) -> dict[str, list[str]]:
    """The planned networks on which a container is not, or not by its service's name; each with the names it is to
    have there."""
    wanted = addresses.networks(planned.facts.model, service_of(one))
    there = (one.get("NetworkSettings") or {}).get("Networks") or {}
    return {name: aliases for name, aliases in wanted.items() if not set(aliases) <= _called(there.get(name))}


def _called(attached: dict[str, list[str] | None] | None) -> set[str]:
    """The names that a container has on a network: newer engines tell them all as DNSNames."""
    return {*((attached or {}).get("Aliases") or []), *((attached or {}).get("DNSNames") or [])}


def uses(planned: Planned, name: str) -> list[Use]:
    """Every address of another planned service that a service is told in its environment, and that of each service that
    it waits for. Jobs that end have none."""
    known, names = addresses.names(planned.facts.model), set(planned.plan.names())
    told = [(known.get(a.host, ""), a) for a in addresses.named(environment(planned, name))]
    found = {(a.host, a.port): Use(s, a.host, a.port, a.by) for s, a in told if s in names and s != name}
    services = {service.name: service for service in planned.plan.services}
    for target in services[name].depends_on if name in services else ():
        there = services.get(target)
        url = urlsplit(there.url or "") if there else urlsplit("")
        if url.hostname and url.port:
            found.setdefault((url.hostname, url.port), Use(target, url.hostname, url.port))
    jobs = {s.name for s in planned.plan.services if s.one_shot}
    return [use for use in found.values() if use.service not in jobs and _meet(planned, name, use.service)]


def _meet(planned: Planned, one: str, other: str) -> bool:
    """Whether two services share a network of the plan: some layouts keep them apart."""
    mine, others = (addresses.networks(planned.facts.model, name) for name in (one, other))
    return not mine.keys().isdisjoint(others)


def of_this_machine(planned: Planned, name: str) -> list[Address]:
    """The addresses of this machine that a service is told by the engine's name for it."""
    return [a for a in addresses.named(environment(planned, name)) if a.host in addresses.HOST_NAMES]


def environment(planned: Planned, name: str) -> dict[str, str | None]:
    """A planned service's environment; secrets are tokens."""
    found: dict[str, str | None] = model.services(planned.facts.model)[name].get("environment") or {}
    return found


def bridge(network: dict[str, object]) -> str:
    """The name of a network's bridge among this machine's interfaces."""
    options = network.get("Options")
    given = options.get("com.docker.network.bridge.name") if isinstance(options, dict) else None
    return str(given or f"br-{str(network['Id'])[:12]}")
