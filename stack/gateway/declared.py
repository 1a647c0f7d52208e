"""What the gateway's file says: its routes, where they lead, and which plugins run for them. Pure."""

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from stack.env.public import Address
from stack.gateway import kongfile
from stack.gateway.kongfile import FILE, Entities, Entity

AUTH_PLUGINS = ("key-auth", "basic-auth", "jwt", "hmac-auth", "oauth2", "ldap-auth", "session")
START = re.compile(r"(?:(?:\\\W|[\w/%@:,;=!~.-])(?![*+?{]))*")
"""How a regular expression begins, as far as it is literal."""
USUAL_PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}


class Route(msgspec.Struct, frozen=True):
    """One address of the gateway: `host` is empty where any will do, `path` is what to type (of a regular
    expression its literal start), `service` the Compose service behind it, empty where the gateway answers
    itself, `auth` the plugins that ask for a credential, and `strip` whether the service sees less of the path."""

    host: str
    path: str
    service: str
    auth: tuple[str, ...]
    strip: bool = True


class Site(msgspec.Struct, frozen=True):
    """The gateway as browsers reach it: host and port (None where it is not known), for each Compose service the path
    of its page, the origins of pages elsewhere that may ask (`*` for all), and the scheme. Where there is no name below
    that host, services have `paths`, or names that this machine alone knows, at the gateway's `own` port. `abouts` says
    what each service is."""

    host: str
    port: int | None = None
    pages: Mapping[str, str] = {}
    origins: tuple[str, ...] = ()
    scheme: str = "http"
    paths: bool = False
    own: int | None = None
    abouts: Mapping[str, str] = {}

    def named(self, host: str) -> str:
        """A name of the file as it is on this machine: below its own name instead of localhost."""
        return host.removesuffix("localhost") + self.host if host.endswith(".localhost") else host


def routes(text: str, file: str = FILE) -> list[Route]:
    """Every enabled route's addresses. Raises StackError if the text is no YAML mapping."""
    return routes_of(kongfile.entities(kongfile.read(text, file)))


def routes_of(found: Entities) -> list[Route]:
    """The same of a file that was read already."""
    return [route for _, route in addresses(found)]


def named(found: Entities) -> list[tuple[str, Route]]:
    """Every address with the name of its route."""
    return [(str(entity.value.get("name") or entity.path), route) for entity, route in addresses(found)]


def addresses(found: Entities) -> list[tuple[Entity, Route]]:
    """Every address with its route's entity."""
    services = {service.path: service for service in found["services"]}
    result = []
    for route in found["routes"]:
        service = services.get(route.parents.get("service") or "")
        if service and service.value.get("enabled") is False:
            continue
        name = next(iter(behind(found, service)), "") if service and not answered(found, route) else ""
        asks, strip = asking(found, route), route.value.get("strip_path") is not False
        result += [
            (route, Route(host, path, name, asks, strip))
            for host in strings(route.value.get("hosts")) or [""]
            for path in _typed(strings(route.value.get("paths"))) or ["/"]
        ]
    return result


def front(found: Iterable[Route]) -> list[Route]:
    """The one route to name for each Compose service: of those that take everything below their address, the one with
    the shortest path."""
    chosen: dict[str, Route] = {}
    for route in found:
        if route.service and route.path.endswith("/") and "*" not in route.host:
            other = chosen.setdefault(route.service, route)
            chosen[route.service] = min(other, route, key=lambda one: len(one.path))
    return list(chosen.values())


def url(route: Route, site: Site) -> str:
    """What to type for the page behind a route; empty for a name below an address such as 10.1.2.3, where there can
    be none."""
    if route.host.rpartition(".")[2].isdecimal():
        return ""
    here = site.paths and route.host.endswith(".localhost")
    at = Address("http", route.host, site.own) if here else Address(site.scheme, route.host or site.host, site.port)
    return f"{at.scheme}://{at.host}{at.suffix}{page(route, site)}"


def root(site: Site) -> str:
    """The gateway's own address; empty where its port is not known."""
    at = Address(site.scheme, site.host, site.port)
    return f"{at.scheme}://{at.host}{at.suffix}/" if at.port else ""


def page(route: Route, site: Site) -> str:
    """The path of the page behind a route, as the gateway takes it."""
    inside = site.pages.get(route.service, "/")
    if route.strip:
        return route.path + inside.lstrip("/")
    return inside if inside.startswith(route.path) else route.path


def asking(found: Entities, route: Entity) -> tuple[str, ...]:
    """The plugins in front of a route that ask for a credential."""
    running = plugins_of(found, route)
    return tuple(plugin for plugin in AUTH_PLUGINS if plugin in running)


def answered(found: Entities, route: Entity) -> bool:
    """Whether the gateway answers a route's requests itself, whatever service it belongs to."""
    plugin = plugins_of(found, route).get("request-termination")
    return plugin is not None and not config(plugin).get("trigger")


def config(plugin: Entity) -> dict[str, Any]:
    """A plugin's configuration; empty where it has none, or something else than a mapping."""
    value = plugin.value.get("config")
    return value if isinstance(value, dict) else {}


def _typed(paths: list[str]) -> list[str]:
    """The paths as typed into a browser; where one form with and one without a final slash lead to the same
    place, the one with it."""
    plain = [literal(path) for path in paths]
    return [path for path in dict.fromkeys(plain) if path.endswith("/") or f"{path}/" not in plain]


def literal(path: str) -> str:
    """A path without what makes it a regular expression: ~/api$ and ~/api(/|$) give /api."""
    if not path.startswith("~"):
        return path
    start = START.match(path, 1)
    found = start[0] if start else ""
    return re.sub(r"\\(\W)", r"\1", found) if "\\" in found else found


def compose_service(host: str) -> str:
    """The Compose service behind an upstream host: the host itself, or the last label of `alias.service`."""
    return host.lower().rpartition(".")[2]


def address(service: Entity) -> tuple[str, int | None]:
    """Host and port to which a service of the file leads: of its `url` where there is one, as Kong does it.
    An empty host where there is none."""
    value = service.value
    if value.get("url") is None:
        return str(value.get("host") or ""), _number(value.get("port", 80))
    return _address(str(value["url"]))


@functools.lru_cache(maxsize=16384)
def _address(url: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or USUAL_PORTS.get(parts.scheme)
    except ValueError:
        return "", None


def behind(found: Entities, service: Entity) -> list[str]:
    """The Compose services to which a service of the file leads: one, or those of the upstream it names."""
    host = address(service)[0]
    balanced = upstream_named(found, host)
    hosts = [target_address(t)[0] for t in targets_of(found, balanced)] if balanced else [host]
    return [compose_service(host) for host in hosts]


def target_address(target: Entity) -> tuple[str, int | None]:
    """Host and port of a target of an upstream; Kong's default port for those is 8000."""
    host, _, port = str(target.value.get("target") or "").partition(":")
    return host, _number(port or 8000)


def _number(value: Any) -> int | None:
    return int(value) if str(value).isdecimal() else None


def upstream_named(found: Entities, host: str) -> Entity | None:
    """The upstream that Kong takes instead of the host of this name."""
    return found.upstreams.get(host)


def targets_of(found: Entities, upstream: Entity) -> list[Entity]:
    """The targets of an upstream, nested or not."""
    return found.targets.get(upstream.path, [])


def plugins_of(found: Entities, route: Entity) -> dict[str, Entity]:
    """The enabled plugins that run for a route, by name: its own, else its service's, else the global one."""
    if route.path in found.running:
        return found.running[route.path]
    service = route.parents.get("service") or ""
    places = {(route.path, service), (route.path, ""), ("", service), ("", "")}
    chosen: dict[str, Entity] = {}
    for _, plugin in sorted([one for place in places for one in found.plugins.get(place, ())]):
        name = str(plugin.value.get("name"))
        enabled = plugin.value.get("enabled") is not False
        if enabled and (name not in chosen or _rank(plugin) > _rank(chosen[name])):
            chosen[name] = plugin
    found.running[route.path] = chosen
    return chosen


def _rank(plugin: Entity) -> int:
    return 2 * ("route" in plugin.parents) + ("service" in plugin.parents)


def strings(value: Any) -> list[str]:
    """The strings of a list; anything else is left to the checks."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
