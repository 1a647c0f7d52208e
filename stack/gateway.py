"""The gateway's routes: which of them a plan can serve, and where they lead. Pure."""

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

import msgspec

from stack import kongfile
from stack.kongfile import FILE, Entities, Entity

HEADER = "# Generated. Edit kong/kong.yml; this file has only the routes whose service is planned.\n"
AUTH_PLUGINS = ("key-auth", "basic-auth", "jwt", "hmac-auth", "oauth2", "ldap-auth", "session")
USUAL_PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}
LOCAL = "localhost"
"""The machine's name in the file; the effective one has PUBLIC_HOST in its place."""


class Route(msgspec.Struct, frozen=True):
    """One address of the gateway: `host` is empty where any will do, `path` is what to type (of a regular
    expression its literal start), `service` the Compose service behind it, empty where the gateway answers
    itself, and `auth` the plugins that ask for a credential."""

    host: str
    path: str
    service: str
    auth: tuple[str, ...]


def effective(text: str, planned: Collection[str], file: str = FILE, host: str = LOCAL) -> str:
    """The file without the services that are not planned, their routes and their plugins; what belongs to no
    service stays. `${NAME}` stays too, every string is double-quoted, comments go. `host`, under which
    browsers reach this machine, takes the place of localhost in routes' names and in the origins of cors.

    Raises StackError if the text is no YAML mapping."""
    document = kongfile.read(text, file)
    kept = kongfile.without(document, _dropped(kongfile.entities(document), planned))
    return HEADER + kongfile.write(kept if host == LOCAL else _reached_as(kept, host))


def _reached_as(value: Any, host: str, key: str = "") -> Any:
    """A value of the file, found under `key`, for a machine that browsers reach as `host`."""
    if isinstance(value, dict):
        return {name: _reached_as(item, host, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_reached_as(item, host, key) for item in value]
    if isinstance(value, str) and key == "hosts" and value.endswith(f".{LOCAL}"):
        return value.removesuffix(LOCAL) + host
    if isinstance(value, str) and key == "origins" and value.endswith(LOCAL):
        return value.removesuffix(LOCAL) + re.escape(host)  # to Kong, an origin with a backslash is a pattern
    return value


def _dropped(found: Entities, planned: Collection[str]) -> set[str]:
    """The paths of all that can't work when only `planned` runs."""
    dropped: set[str] = set()
    for target in found["targets"]:
        if compose_service(target_address(target)[0]) not in planned:
            dropped.add(target.path)
    for upstream in found["upstreams"]:
        if all(target.path in dropped for target in targets_of(found, upstream)):
            dropped.add(upstream.path)
    for service in found["services"]:
        if not set(behind(found, service)) & set(planned):
            dropped.add(service.path)
    for kind in ("routes", "plugins", "filter_chains", "targets"):  # a plugin may hang on a route
        for entity in found[kind]:
            if any(parent is None or parent in dropped for parent in entity.parents.values()):
                dropped.add(entity.path)
    return dropped


def routes(text: str, file: str = FILE) -> list[Route]:
    """Every enabled route's addresses. Raises StackError if the text is no YAML mapping."""
    found = kongfile.entities(kongfile.read(text, file))
    services = {service.path: service for service in found["services"]}
    result = []
    for route in found["routes"]:
        service = services.get(route.parents.get("service") or "")
        if service and service.value.get("enabled") is False:
            continue
        name = next(iter(behind(found, service)), "") if service else ""
        auth = tuple(plugin for plugin in AUTH_PLUGINS if plugin in plugins_of(found, route))
        result += [
            Route(host, path, name, auth)
            for host in strings(route.value.get("hosts")) or [""]
            for path in _typed(strings(route.value.get("paths"))) or ["/"]
        ]
    return result


def _typed(paths: list[str]) -> list[str]:
    """The paths as typed into a browser; where one form with and one without a final slash lead to the same
    place, the one with it."""
    plain = [literal(path) for path in paths]
    return [path for path in dict.fromkeys(plain) if path.endswith("/") or f"{path}/" not in plain]


def literal(path: str) -> str:
    """A path without what makes it a regular expression: ~/api$ and ~/api(/|$) give /api."""
    if not path.startswith("~"):
        return path
    start = re.match(r"(?:(?:\\\W|[\w/%@:,;=!~.-])(?![*+?{]))*", path[1:])
    return re.sub(r"\\(\W)", r"\1", start[0]) if start else ""


def compose_service(host: str) -> str:
    """The Compose service behind an upstream host: the host itself, or the last label of `alias.service`."""
    return host.lower().rpartition(".")[2]


def address(service: Entity) -> tuple[str, int | None]:
    """Host and port to which a service of the file leads: of its `url` where there is one, as Kong does it.
    An empty host where there is none."""
    value = service.value
    if value.get("url") is None:
        return str(value.get("host") or ""), _number(value.get("port", 80))
    try:
        parts = urlsplit(str(value["url"]))
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
    return next((upstream for upstream in found["upstreams"] if upstream.value.get("name") == host), None)


def targets_of(found: Entities, upstream: Entity) -> list[Entity]:
    """The targets of an upstream, nested or not."""
    return [target for target in found["targets"] if target.parents.get("upstream") == upstream.path]


def plugins_of(found: Entities, route: Entity) -> dict[str, Entity]:
    """The enabled plugins that run for a route, by name: its own, else its service's, else the global one."""
    mine = {"route": route.path, "service": route.parents.get("service")}
    chosen: dict[str, Entity] = {}
    for plugin in found["plugins"]:
        name = str(plugin.value.get("name"))
        applies = all(parent and mine.get(field) == parent for field, parent in plugin.parents.items())
        enabled = plugin.value.get("enabled") is not False
        if applies and enabled and (name not in chosen or _rank(plugin) > _rank(chosen[name])):
            chosen[name] = plugin
    return chosen


def _rank(plugin: Entity) -> int:
    return 2 * ("route" in plugin.parents) + ("service" in plugin.parents)


def strings(value: Any) -> list[str]:
    """The strings of a list; anything else is left to the checks."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
