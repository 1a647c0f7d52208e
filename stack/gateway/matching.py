"""Which requests the gateway's routes take, and whether anyone can pass their plugins. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stack.errors import Problem, StackError
from stack.gateway import routing
from stack.gateway.declared import AUTH_PLUGINS, config, literal, plugins_of, strings
from stack.gateway.kongfile import Entities, Entity

CREDENTIALS = {
    "key-auth": ("keyauth_credentials", "key"),
    "basic-auth": ("basicauth_credentials", "username"),
}
SAME = "takes the same requests as"
"""How the problem begins of a route for what another one has already."""
METACHARACTERS = re.compile(r"[()\[\]{}^$*+?|\\]")


def clashes(found: Entities) -> Iterator[Problem]:
    """Two routes of the same rank for the same request: Kong takes one of them without a word."""
    taken: dict[tuple[Any, ...], list[tuple[Entity, str]]] = {}
    for route in found["routes"]:
        for request, field in _requests(route):
            others = taken.setdefault(request, [])
            for other, place in others:
                if other.path != route.path and _overlap(other, route):
                    name = other.value.get("name")
                    said = f"{SAME} {place}{f', the route {name}' if name else ''}"
                    yield Problem("gateway-route", said, f"{route.path}{field}")
                    break
            others.append((route, f"{route.path}{field}"))


def _requests(route: Entity) -> Iterator[tuple[tuple[Any, ...], str]]:
    value = route.value
    headers = value.get("headers")
    rest = (
        str(sorted(headers.items())) if isinstance(headers, dict) else "",
        str(sorted(strings(value.get("snis")))),
        bool(strings(value.get("methods"))),
    )
    for host in strings(value.get("hosts")) or [""]:
        paths = strings(value.get("paths"))
        for position, path in enumerate(paths or [""]):
            priority = str(value.get("regex_priority", 0) if path.startswith("~") else 0)
            yield (host.lower(), path, priority, *rest), f".paths[{position}]" if paths else ""


def _overlap(one: Entity, other: Entity) -> bool:
    """Whether a method of one is also the other's; both name methods, or neither does. Kong looks at the protocol only
    once it has chosen."""
    mine, theirs = set(strings(one.value.get("methods"))), set(strings(other.value.get("methods")))
    return mine == theirs or bool(mine & theirs)


def ties(found: Entities) -> Iterator[Problem]:
    """The same for paths that differ: a request for what is literal in one may be taken by others too."""
    try:
        table = routing.router(found)
    except StackError:
        return  # a broken regular expression is told at its place
    for route in found["routes"]:
        for request, field in _samples(route):
            names = dict.fromkeys(one.name for one in routing.first(table, *request))
            if len(names) > 1:
                which = ", ".join(names)
                message = f"which of these routes Kong takes for {request[2]} is not certain: {which}"
                fix = "let their paths or hosts differ, or give one regular expression a regex_priority"
                yield Problem("gateway-route", message, f"{route.path}{field}", fix)
                break


def _samples(route: Entity) -> Iterator[tuple[tuple[str, str, str], str]]:
    """A request (method, host, path) for each path of a route, and the path's place."""
    method = next(iter(strings(route.value.get("methods"))), "GET")
    host = next(iter(strings(route.value.get("hosts"))), "localhost").replace("*", "x")
    for position, path in enumerate(strings(route.value.get("paths"))):
        yield (method, host, literal(path) or "/"), f".paths[{position}]"


def hosts(found: Entities) -> Iterator[Problem]:
    """Names that no browser asks for: it sends small letters, and Kong compares letter by letter."""
    for route in found["routes"]:
        for position, host in enumerate(strings(route.value.get("hosts"))):
            if host != host.lower():
                message = f"no browser asks for {host}: it sends small letters"
                yield Problem("gateway-host", message, f"{route.path}.hosts[{position}]", f'write "{host.lower()}"')


def prefixes(found: Entities) -> Iterator[Problem]:
    """Paths that take more, or other, requests than they seem to."""
    for route in found["routes"]:
        for position, path in enumerate(strings(route.value.get("paths"))):
            place = f"{route.path}.paths[{position}]"
            start = literal(path)
            if not path.startswith(("/", "~/")):
                continue
            if not path.startswith("~") and METACHARACTERS.search(path):
                fix = f'write "~{path}" if it is a regular expression'
                yield Problem("gateway-path", "Kong takes this path letter by letter", place, fix)
            elif start == path.removeprefix("~") and not path.endswith("/"):
                fix = f'write "{start}/" and "~{start}$"'
                yield Problem("gateway-prefix", f"also takes {start}x, and all else that starts so", place, fix)


def credentials(found: Entities) -> Iterator[Problem]:
    """Plugins that let nobody through."""
    their = groups(found)
    holders = {plugin: _holders(found, *kind) for plugin, kind in CREDENTIALS.items()}
    for plugin in found["plugins"]:
        name = str(plugin.value.get("name"))
        if name in holders and not holders[name] and not _anonymous(plugin):
            yield Problem("gateway-auth", f"no consumer has a credential for {name}", plugin.path)
    for route in found["routes"]:
        plugins = plugins_of(found, route)
        if "acl" not in plugins:
            continue
        acl, asking = plugins["acl"], [name for name in AUTH_PLUGINS if name in plugins]
        if not asking:
            message = f"acl lets nobody through where no plugin asks who it is ({route.path})"
            yield Problem("gateway-auth", message, acl.path, "add key-auth or basic-auth")
        for name in asking:
            able = [holder for holder in holders.get(name, ()) if lets(config(acl), their.get(holder, set()))]
            if holders.get(name) and not able and not _anonymous(plugins[name]):
                message = f"no consumer with a credential for {name} is in a group that acl lets through"
                yield Problem("gateway-auth", message, acl.path, "add the consumer to the group, under acls")


def _holders(found: Entities, kind: str, field: str) -> list[str]:
    """The paths of the consumers who have a credential of this kind."""
    owners = [item.parents.get("consumer") for item in found[kind] if item.value.get(field)]
    return [owner for owner in owners if owner]


def groups(found: Entities) -> dict[str, set[str]]:
    """The groups of each consumer, by its path."""
    result: dict[str, set[str]] = {}
    for acl in found["acls"]:
        result.setdefault(acl.parents.get("consumer") or "", set()).add(str(acl.value.get("group")))
    return result


def lets(rules: Mapping[str, Any], groups: Collection[str]) -> bool:
    """Whether the configuration of an acl lets a consumer of these groups through."""
    if rules.get("allow"):
        return not set(strings(rules["allow"])).isdisjoint(groups)
    return set(strings(rules.get("deny"))).isdisjoint(groups)


def _anonymous(plugin: Entity) -> bool:
    return bool(config(plugin).get("anonymous"))
