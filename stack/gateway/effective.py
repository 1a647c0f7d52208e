"""The gateway's file made for one plan: which of its routes that can serve, under which names. Pure."""

import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from stack.gateway import declared, indexpage, kongfile
from stack.gateway.declared import Site, behind, compose_service, target_address, targets_of
from stack.gateway.kongfile import FILE, Entities, Entity

HEADER = "# Generated. Edit kong/kong.yml; this file has only the routes whose service is planned.\n"
LOCAL = Site("localhost")
"""The machine as the file names it; the effective one has the name by which browsers reach the gateway."""
NAMES = ("hosts", "origins")
"""The fields that have names of the site."""
BELOW = "path"
"""The tag of a route with a host whose service lives below a path as well, if the path is cut off and it is told so."""
INDEX = "index"
"""The route that answers with a page of links."""
REPORTERS = frozenset(
    {"opentelemetry", "zipkin", "http-log", "tcp-log", "udp-log", "syslog", "loggly", "statsd", "datadog"}
)
"""Plugins that only report. No other goes for want of its receiver: its route would lose a guard."""


def effective(text: str, planned: Collection[str], site: Site = LOCAL, file: str = FILE) -> str:
    """What `serving` gives, as the gateway reads it: `${NAME}` stays, every string is double-quoted, comments go."""
    return written(serving(text, planned, site, file))


def written(document: dict[str, Any]) -> str:
    """A document of `serving` as a file."""
    return HEADER + kongfile.write(document)


def serving(
    text: str, planned: Collection[str], site: Site = LOCAL, file: str = FILE, engine: str = ""
) -> dict[str, Any]:
    """The file without the services that are not planned, their routes and their plugins, and without the reporting
    plugins whose receiver is not planned; what else belongs to no service stays. The site's host takes the place of
    localhost in routes' names and in the origins of cors, a list of which with localhost in it gets the site's own, and
    the route named index gets its page, which names the `engine`.

    Raises StackError if the text is no YAML mapping."""
    document = kongfile.read(text, file)
    return served(document, kongfile.entities(document), planned, site, engine).document


class Served(NamedTuple):
    """What a plan gets of the file, with the entities in it and, for each service, the route to name."""

    document: dict[str, Any]
    found: Entities
    front: list[declared.Route]


def served(document: dict[str, Any], found: Entities, planned: Collection[str], site: Site, engine: str) -> Served:
    """The same of a file that is read already, which stays as it is."""
    kept = kongfile.without(document, _dropped(found, planned))
    reached = _as_site(kept, site)
    there = kongfile.entities(reached)
    front = declared.front(declared.routes_of(there))
    page = indexpage.page(_rows(front, site), engine)
    for route in there["routes"]:
        plugins = route.value.get("plugins")
        if route.value.get("name") == INDEX and isinstance(plugins, list):
            route.value["plugins"] = [_answering(plugin, page) for plugin in plugins]
    return Served(reached, there, front)


def whole(text: str, planned: Collection[str], site: Site = LOCAL, file: str = FILE) -> dict[str, Any]:
    """The file with every route, planned or not, under the names by which browsers reach them, and with the plugins
    that run when `planned` does. Raises StackError if the text is no YAML mapping."""
    document = kongfile.read(text, file)
    kept = kongfile.without(document, _silent(kongfile.entities(document), planned))
    return _as_site(kept, site)


def there(found: Entities, planned: Collection[str]) -> set[str]:
    """The paths of the routes of a file that serve while `planned` runs."""
    gone = _dropped(found, planned)
    return {route.path for route in found["routes"] if route.path not in gone}


def _rows(front: list[declared.Route], site: Site) -> Iterator[indexpage.Row]:
    """The links of the index. A path needs no name in front: the page is there already."""
    for route in front:
        address = declared.url(route, site) if route.host else declared.page(route, site)
        if address:
            asks = "a password" if "basic-auth" in route.auth else "a key" if route.auth else ""
            yield indexpage.Row(route.service, address, asks, site.abouts.get(route.service, ""))


def _answering(plugin: Any, page: str) -> Any:
    """A plugin of the index's route, with the page for its answer."""
    if not isinstance(plugin, dict) or plugin.get("name") != "request-termination":
        return plugin
    config = plugin.get("config")
    return {**plugin, "config": {**(config if isinstance(config, dict) else {}), "body": page}}


def _as_site(document: dict[str, Any], site: Site) -> dict[str, Any]:
    """The file under the names by which browsers reach the site, or its paths where there are none."""
    reached: dict[str, Any] = _reached_as(document, site)
    for route in kongfile.entities(reached)["routes"] if site.paths else ():
        hosts = declared.strings(route.value.get("hosts"))
        if hosts and BELOW in declared.strings(route.value.get("tags")):
            name = hosts[0].partition(".")[0]
            del route.value["hosts"]
            route.value.update(paths=[f"/{name}/", f"~/{name}$"], strip_path=True)
    return reached


def _reached_as(value: Any, site: Site, key: str = "") -> Any:
    """A value of the file, found under `key`, as the site has it."""
    if isinstance(value, dict):
        return {name: item if isinstance(item, str) and name not in NAMES else _reached_as(item, site, str(name))
                for name, item in value.items()}  # fmt: skip
    if isinstance(value, list):
        here = [_reached_as(item, site, key) for item in value]
        own = key == "origins" and any(isinstance(item, str) and item.endswith(LOCAL.host) for item in value)
        return (["*"] if "*" in site.origins else here + list(site.origins)) if own else here
    named = isinstance(value, str) and not (site.paths and key == "hosts")
    return _named(value, site.host.lower(), key) if named else value


def _named(value: str, host: str, key: str) -> str:
    """A name or an origin of the file, for a machine that browsers reach as `host`, in small letters: so browsers send
    it, and Kong compares letter by letter."""
    if host != LOCAL.host and key == "hosts" and value.endswith(f".{LOCAL.host}"):
        return value.removesuffix(LOCAL.host) + host
    if host != LOCAL.host and key == "origins" and value.endswith(LOCAL.host):
        return value.removesuffix(LOCAL.host) + re.escape(host)  # to Kong, an origin with a backslash is a pattern
    return value


def _dropped(found: Entities, planned: Collection[str]) -> set[str]:
    """The paths of all that can't work when only `planned` runs."""
    dropped = _unreachable(found, planned) | _silent(found, planned)
    for kind in ("routes", "plugins", "filter_chains", "targets"):  # a plugin may hang on a route
        for entity in found[kind]:
            if any(parent is None or parent in dropped for parent in entity.parents.values()):
                dropped.add(entity.path)
    return dropped


def _unreachable(found: Entities, planned: Collection[str]) -> set[str]:
    """The paths of targets, upstreams and services that lead to nothing planned."""
    gone = {target.path for target in found["targets"] if compose_service(target_address(target)[0]) not in planned}
    for upstream in found["upstreams"]:
        if all(target.path in gone for target in targets_of(found, upstream)):
            gone.add(upstream.path)
    return gone | {s.path for s in found["services"] if not set(behind(found, s)) & set(planned)}


def _silent(found: Entities, planned: Collection[str]) -> set[str]:
    """The paths of the reporting plugins that nobody hears."""
    return {p.path for p in found["plugins"] if str(p.value.get("name")) in REPORTERS and not _received(p, planned)}


def _received(plugin: Entity, planned: Collection[str]) -> bool:
    """Whether all that a plugin reports to is planned or elsewhere: a name without a dot is a service's."""
    return all("." in host or host == LOCAL.host or host in planned for host in _hosts(plugin.value.get("config")))


def _hosts(value: Any, key: str = "") -> Iterator[str]:
    """The hosts that a plugin's configuration names: in a URL, or under the key host."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _hosts(item, str(name))
    elif isinstance(value, list):
        for item in value:
            yield from _hosts(item, key)
    elif isinstance(value, str) and (found := re.match(r"[a-z]+://([^/:?#]+)", value)):
        yield found[1].lower()
    elif isinstance(value, str) and key == "host":
        yield value.lower()
