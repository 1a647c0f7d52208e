"""Where Kong would send a request: its router, without Kong. Pure.

The order is the documented one of Kong 3.9's traditional_compatible router (developer.konghq.com/gateway/routing/), but
for what this project has no use for: server names of TLS and routes of streams. The code (get_priority in Kong's
kong/router/transform.lua) shifts numbers of 32 bits by more than 32, and so puts names without a wildcard, and then
regular expressions, before the number of attributes. A file should not hang on the difference, so it is told."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from stack.errors import fail
from stack.gateway import declared, kongfile
from stack.gateway.kongfile import FILE, Entities, Entity

RESERVED = "!*'();:@&=+$,/?%#[]"
"""Characters that stay percent-encoded in a path, as they would mean something else."""
USUAL = {"http": "80", "https": "443", "grpc": "80", "grpcs": "443"}


class Match(msgspec.Struct, frozen=True):
    """The route that takes a request. `plugins` maps those that run to where each stands (route, service or global),
    `auth` has those that ask for a credential. `upstream` is the address in use, without a path, and empty where the
    gateway answers itself; `path` and `host` are what the service sees. `also` names other routes that Kong may take
    instead: those of the same rank, and those that its code puts first and its documentation does not."""

    route: str
    service: str
    upstream: str
    path: str
    host: str
    plugins: dict[str, str]
    auth: tuple[str, ...]
    also: tuple[str, ...] = ()


class Miss(msgspec.Struct, frozen=True):
    """Why no route takes a request; Kong answers it with 404."""

    why: str


class Candidate(NamedTuple):
    """A route with some of its paths: Kong ranks its regular expressions and each length of its prefixes alone. `rank`
    counts attributes, a name without wildcard, headers, a regular expression, its priority, and the prefix's length."""

    rank: tuple[int, int, int, int, int, int]
    route: Entity
    name: str
    paths: tuple[str, ...]


class Router(NamedTuple):
    """A file ready to be asked; the candidates stand in the order in which Kong tries them."""

    found: Entities
    candidates: list[Candidate]


def read(text: str, file: str = FILE) -> Router:
    """The router of a file. Raises StackError if it is no YAML mapping, or on a broken regular expression."""
    return router(kongfile.entities(kongfile.read(text, file)), file)


def router(found: Entities, file: str = FILE) -> Router:
    """The router of a file that was read already. Raises StackError on a broken regular expression."""
    services = {service.path: service for service in found["services"]}
    candidates = []
    for route in found["routes"]:
        service = services.get(route.parents.get("service") or "")
        if service is None or service.value.get("enabled") is not False:
            candidates += list(_candidates(route, file))
    return Router(found, sorted(candidates, key=lambda one: (tuple(-part for part in one.rank), one.name)))


def _candidates(route: Entity, file: str) -> Iterator[Candidate]:
    value = route.value
    groups: dict[int, list[str]] = {}
    for path in declared.strings(value.get("paths")):
        if path.startswith("~"):
            _compiled(path, f"{file}: {route.path}.paths")
        groups.setdefault(0 if path.startswith("~") else len(path), []).append(path)
    hosts, methods, headers = declared.strings(value.get("hosts")), value.get("methods"), value.get("headers")
    for length, paths in groups.items() or [(0, [])]:
        regex = bool(paths) and length == 0
        rank = (
            sum(bool(part) for part in (hosts, methods, headers, paths)),
            int(bool(hosts) and not any("*" in host for host in hosts)),
            len(headers) if isinstance(headers, dict) else 0,
            int(regex),
            int(value.get("regex_priority") or 0) if regex else 0,
            length,
        )
        yield Candidate(rank, route, str(value.get("name") or route.path), tuple(paths))


def _compiled(path: str, where: str = "") -> re.Pattern[str]:
    try:
        return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", path[1:]))  # only there ends a path
    except re.error as error:
        raise fail("gateway-path", f"{path} is no regular expression: {error}", where, "mend the path") from None


def match(table: Router, method: str, host: str, path: str) -> Match | Miss:
    """What becomes of a request for `path` (a query after it is ignored) whose Host header is `host`; it has no other
    headers that a route may ask for."""
    uri = normalized(path)
    taking = [one for one in table.candidates if _takes(one, method, host, uri)]
    if not taking:
        return Miss(_why(table, method, host, uri))
    best = taking[0]
    also = {one.name for one in taking if one.rank == best.rank or _coded(one) > _coded(best)} - {best.name}
    return _matched(table.found, best, host, uri, tuple(sorted(also)))


def others(table: Router, method: str, host: str, path: str) -> dict[str, str]:
    """The routes that share the request's host or path and do not get it, each with why."""
    uri = normalized(path)
    taking = [one for one in table.candidates if _takes(one, method, host, uri)]
    first = taking[0].name if taking else ""
    why: dict[str, str] = {}
    for one in table.candidates:
        value = one.route.value
        hosts, methods = declared.strings(value.get("hosts")), declared.strings(value.get("methods"))
        mine = not hosts or any(_named(pattern, host) for pattern in hosts)
        fits = not one.paths or _prefix(one.paths, uri) is not None
        if one.name == first or not (fits if one.paths else hosts and mine):
            continue
        if not mine:
            why.setdefault(one.name, f"asks for the name {' or '.join(hosts)}")
        elif methods and method not in methods:
            why.setdefault(one.name, f"takes {', '.join(methods)} only")
        elif value.get("headers"):
            why.setdefault(one.name, "asks for a header")
        elif fits:
            why.setdefault(one.name, f"ranks below {first}")
    return why


def _coded(one: Candidate) -> tuple[int, ...]:
    """The rank that Kong's code gives to a route that asks for no header."""
    attributes, plain, _, regex, priority, length = one.rank
    return plain, regex, attributes, priority, length


def normalized(path: str) -> str:
    """A path as the router sees it: without its query, doubled slashes and dots, and with plain letters plain."""
    text = re.sub(r"%([0-9A-Fa-f]{2})", _decoded, path.partition("?")[0])
    kept: list[str] = []
    parts = text.split("/")[1:]
    for position, part in enumerate(parts):
        if part == "..":
            kept[-1:] = []
        elif part not in {"", "."}:
            kept.append(part)
        if position == len(parts) - 1 and part in {"", ".", ".."}:
            kept.append("")
    return "/" + "/".join(kept)


def _decoded(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return found[0].upper() if character in RESERVED else character


def _takes(one: Candidate, method: str, host: str, uri: str) -> bool:
    value = one.route.value
    methods, hosts = declared.strings(value.get("methods")), declared.strings(value.get("hosts"))
    return (
        not value.get("headers")
        and (not methods or method in methods)
        and (not hosts or any(_named(pattern, host) for pattern in hosts))
        and (not one.paths or _prefix(one.paths, uri) is not None)
    )


def _named(pattern: str, host: str) -> bool:
    """Whether a route's host is that of a Host header, letter by letter. A port in it must be in the header too."""
    wanted, _, wanted_port = pattern.partition(":")
    name, _, port = host.partition(":")
    if wanted_port and wanted_port != port:
        return False
    if wanted.startswith("*"):
        return name.endswith(wanted[1:])
    return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted


def _prefix(paths: tuple[str, ...], uri: str) -> str | None:
    """The part of a path that the first fitting one of `paths` takes."""
    for path in paths:
        if path.startswith("~"):
            found = _compiled(path).match(uri)
            if found:
                return found[0]
        elif uri.startswith(path):
            return path
    return None


def _why(table: Router, method: str, host: str, uri: str) -> str:
    fitting = [one for one in table.candidates if one.paths and _prefix(one.paths, uri) is not None]
    here = [one for one in table.candidates if _takes(one, _any_method(one), host, uri)]
    if here:
        return f"not by {method}: {', '.join(sorted({one.name for one in here}))}"
    if fitting:
        return f"not under the name {host}: {', '.join(sorted({one.name for one in fitting}))}"
    return f"no route takes {uri} under the name {host}"


def _any_method(one: Candidate) -> str:
    return next(iter(declared.strings(one.route.value.get("methods"))), "")


def _matched(found: Entities, one: Candidate, host: str, uri: str, also: tuple[str, ...]) -> Match:
    running = declared.plugins_of(found, one.route)
    places = {name: next((f for f in ("route", "service") if f in p.parents), "global") for name, p in running.items()}
    auth = declared.asking(found, one.route)
    service = next((s for s in found["services"] if s.path == one.route.parents.get("service")), None)
    name = str(service.value.get("name") or service.path) if service else ""
    if service is None or declared.answered(found, one.route):
        return Match(one.name, name, "", "", "", places, auth, also)
    scheme, address, base = _target(service)
    strip = one.route.value.get("strip_path") is not False
    prefix = (_prefix(one.paths, uri) if strip and one.paths else None) or "/"
    path = joined(base, uri, prefix if strip else "")
    sent = host if one.route.value.get("preserve_host") else address.removesuffix(f":{USUAL.get(scheme)}")
    return Match(one.name, name, f"{scheme}://{address}", path, sent, places, auth, also)


def _target(service: Entity) -> tuple[str, str, str]:
    """Scheme, host:port and path of a service."""
    from urllib.parse import urlsplit

    host, port = declared.address(service)
    value: dict[str, Any] = service.value
    if value.get("url") is not None:
        parts = urlsplit(str(value["url"]))
        return parts.scheme, f"{host}:{port}", parts.path or "/"
    return str(value.get("protocol") or "http"), f"{host}:{port}", str(value.get("path") or "/")


def joined(base: str, uri: str, prefix: str) -> str:
    """The path that a service sees: its own `base`, then what is left of `uri` without `prefix` (all of it where that
    is empty). Between the two stands one slash; a final one is the request's."""
    if not prefix:
        if base.endswith("/"):
            return base + uri[1:]
        return base if uri == "/" else base + uri
    rest = uri[len(prefix) :]
    rest = re.sub(r"^\.\.?(/|$)", "", rest)
    if rest:
        return f"{base.removesuffix('/')}/{rest.removeprefix('/')}"
    if base == "/":
        return base
    closed = uri.endswith("/") and (len(uri) > 1 or base.endswith("/"))
    return base.removesuffix("/") + ("/" if closed else "")
