"""Where the routes of the gateway's file lead: hosts and ports, with the routes that use them. Pure."""

import msgspec

from stack.gateway import declared, kongfile
from stack.gateway.kongfile import Entities, Entity


class End(msgspec.Struct, frozen=True):
    """A host and port of a Compose service, and the names of the routes that lead there."""

    service: str
    host: str
    port: int
    routes: tuple[str, ...]


def ends(text: str) -> list[End]:
    """The ends of a file's enabled routes; none of those that the gateway answers itself. Raises StackError if the text
    is no YAML mapping."""
    return of(kongfile.entities(kongfile.read(text))) if text else []


def of(found: Entities) -> list[End]:
    """The same of a file that was read."""
    routes: dict[tuple[str, int], list[str]] = {}
    services = {service.path: service for service in found["services"]}
    for route in found["routes"]:
        service = services.get(route.parents.get("service") or "")
        if service and service.value.get("enabled") is not False and not declared.answered(found, route):
            for host, port in _of(found, service):
                routes.setdefault((host, port), []).append(str(route.value.get("name") or route.path))
    return [End(declared.compose_service(host), host, port, tuple(names)) for (host, port), names in routes.items()]


def _of(found: Entities, service: Entity) -> list[tuple[str, int]]:
    """A service's own address, or those of the upstream that it names."""
    host, port = declared.address(service)
    balanced = declared.upstream_named(found, host)
    every = [declared.target_address(t) for t in declared.targets_of(found, balanced)] if balanced else [(host, port)]
    return [(host.lower(), port) for host, port in every if host and port]
