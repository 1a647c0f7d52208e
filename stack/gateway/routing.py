"""Where Kong would send a request: its router, without Kong. Pure.

The order is that of the code of Kong 3.9.3's traditional_compatible router (get_priority in kong/router/transform.lua),
which a real Kong keeps to, and not the documented one: names without a wildcard come first, then regular expressions,
then the number of attributes. Server names of TLS and routes of streams are left out: this project has no use for
them."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from stack.errors import fail
from stack.gateway import declared, kongfile, rust, uri
from stack.gateway.kongfile import FILE, Entities, Entity
from stack.names import echoed

USUAL = {"http": "80", "https": "443", "grpc": "80", "grpcs": "443"}
METHOD = re.compile("[A-Z_-]+")
WILDCARD = "*"


class Match(msgspec.Struct, frozen=True):
    """The route that takes a request. `plugins` maps those that run to where each stands (route, service or global),
    `auth` has those that ask for a credential. `upstream` is the address in use, without a path, and empty where the
    gateway answers itself; `path` and `host` are what the service sees. `also` names the other routes of the same rank,
    of which Kong may take one instead."""

    route: str
    service: str
    upstream: str
    path: str
    host: str
    plugins: dict[str, str]
    auth: tuple[str, ...]
    also: tuple[str, ...] = ()


class Miss(msgspec.Struct, frozen=True):
    """Why no route takes a request; Kong answers it with `status`."""

    why: str
    status: int = 404


class Candidate(NamedTuple):
    """A route with some of its paths: Kong ranks its regular expressions and each length of its prefixes alone."""

    rank: int
    route: Entity
    name: str
    paths: tuple[str, ...]
    hosts: tuple[str, ...]
    methods: tuple[str, ...]


class Router(NamedTuple):
    """A file ready to be asked; the candidates stand in the order in which Kong tries them. `starts` has their
    positions by a name without a wildcard (empty for none, `*` for one with it) and what a path must begin with."""

    found: Entities
    candidates: list[Candidate]
    starts: dict[str, dict[str, list[int]]]


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
    candidates.sort(key=lambda one: (-one.rank, one.name))
    return Router(found, candidates, _index(candidates))


def _index(candidates: list[Candidate]) -> dict[str, dict[str, list[int]]]:
    index: dict[str, dict[str, list[int]]] = {}
    for at, one in enumerate(candidates):
        hosts = one.hosts or ("",)
        for host in dict.fromkeys(WILDCARD if "*" in host else host.partition(":")[0] for host in hosts):
            for start in dict.fromkeys(_start(path) for path in one.paths or ("",)):
                index.setdefault(host, {}).setdefault(start, []).append(at)
    return index


def _start(path: str) -> str:
    """What every path that fits begins with. An expression with a choice may fit anywhere."""
    return "" if path.startswith("~") and "|" in path else declared.literal(path)


def _candidates(route: Entity, file: str) -> Iterator[Candidate]:
    groups: dict[int, list[str]] = {}
    for path in declared.strings(route.value.get("paths")):
        if path.startswith("~") and (message := rust.wrong(path[1:])):
            raise fail("gateway-path", f"{path}: {message}", f"{file}: {route.path}.paths", "mend the path")
        groups.setdefault(0 if path.startswith("~") else len(path.encode(errors="replace")), []).append(path)
    name = str(route.value.get("name") or route.path)
    hosts, methods = (tuple(declared.strings(route.value.get(field))) for field in ("hosts", "methods"))
    for length, paths in groups.items() or [(0, [])]:
        yield Candidate(_rank(route.value, paths, length), route, name, tuple(paths), hosts, methods)


def _rank(value: dict[str, Any], paths: list[str], length: int) -> int:
    """The number by which Kong sorts. Only the two fixed bits are shifted in 64 bits; the rest is in 32, and runs into
    what stands above it. An empty list of hosts counts as names without a wildcard."""
    hosts, headers = value.get("hosts"), value.get("headers")
    attributes = sum(map(bool, (value.get("methods"), hosts, headers, value.get("snis"), paths)))
    many = min(len(headers), 255) if isinstance(headers, dict) else 0
    regex = bool(paths) and length == 0
    priority = value.get("regex_priority") if regex else 0
    low = _word(attributes << 29) | _word(many << 20) | length & 0x7FFFF
    low |= _word((priority if isinstance(priority, int) else 0) << 19)
    plain = isinstance(hosts, list) and not any("*" in host for host in declared.strings(hosts))
    return (low | plain << 60 | regex << 51) % 2**64


def _word(number: int) -> int:
    """A number as 32 bits with a sign."""
    return (number + 2**31) % 2**32 - 2**31


def match(table: Router, method: str, host: str, path: str, port: int | None = None) -> Match | Miss:
    """What becomes of a request for `path` (a query after it is ignored) whose Host header is `host`, at the `port` on
    which the gateway is reached; it has no other headers that a route may ask for."""
    if message := uri.malformed(path) or ("" if METHOD.fullmatch(method) else f"{echoed(method)} is no method"):
        return Miss(message, 400)
    seen = uri.normalized(path)
    best, *others = first(table, method, _at(host, port), seen) or (None,)
    if best is None:
        return Miss(_why(table, method, _at(host, port), seen))
    also = {one.name for one in others} - {best.name}
    return _matched(table.found, best, host, seen, tuple(sorted(also)))


def _at(host: str, port: int | None) -> str:
    """A Host header as Kong compares it: one without a port has that at which the gateway is reached."""
    return host if ":" in host or port is None else f"{host}:{port}"


def first(table: Router, method: str, host: str, seen: str) -> list[Candidate]:
    """The candidates of the highest rank that take a request; `seen` is its path as the router sees it."""
    taking: list[Candidate] = []
    for one in _near(table, host, seen):
        if taking and one.rank != taking[0].rank:
            break
        if _takes(one, method, host, seen):
            taking.append(one)
    return taking


def _near(table: Router, host: str, seen: str) -> list[Candidate]:
    """The candidates that may take a request, in their order."""
    named = [these for name in (host.partition(":")[0], "", WILDCARD) if (these := table.starts.get(name))]
    starts = [seen[:length] for length in range(len(seen) + 1)]
    positions = {at for these in named for start in starts if start in these for at in these[start]}
    return [table.candidates[at] for at in sorted(positions)]


def others(table: Router, method: str, host: str, path: str, port: int | None = None) -> dict[str, str]:
    """The routes that share the request's host or path and do not get it, each with why; the words are `match`'s."""
    seen, host = uri.normalized(path), _at(host, port)
    taking = [one for one in table.candidates if _takes(one, method, host, seen)]
    first = taking[0].name if taking else ""
    why: dict[str, str] = {}
    for one in table.candidates:
        value, hosts, methods = one.route.value, one.hosts, one.methods
        mine = not hosts or any(_named(pattern, host) for pattern in hosts)
        fits = not one.paths or _prefix(one.paths, seen) is not None
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


def _takes(one: Candidate, method: str, host: str, seen: str) -> bool:
    return (
        not one.route.value.get("headers")
        and (not one.methods or method in one.methods)
        and (not one.hosts or any(_named(pattern, host) for pattern in one.hosts))
        and (not one.paths or _prefix(one.paths, seen) is not None)
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


def _prefix(paths: tuple[str, ...], seen: str) -> str | None:
    """The part of a path that the first fitting one of `paths` takes."""
    for path in paths:
        if path.startswith("~"):
            found = rust.taken(path[1:], seen)
            if found is not None:
                return found
        elif seen.startswith(path):
            return path
    return None


def _why(table: Router, method: str, host: str, seen: str) -> str:
    fitting = [one for one in table.candidates if one.paths and _prefix(one.paths, seen) is not None]
    here = [one for one in table.candidates if _takes(one, _any_method(one), host, seen)]
    if here:
        return f"not by {method}: {', '.join(sorted({one.name for one in here}))}"
    if fitting:
        return f"not under the name {host}: {', '.join(sorted({one.name for one in fitting}))}"
    return f"no route takes {seen} under the name {host}"


def _any_method(one: Candidate) -> str:
    return next(iter(one.methods), "")


def _matched(found: Entities, one: Candidate, host: str, seen: str, also: tuple[str, ...]) -> Match:
    running = declared.plugins_of(found, one.route)
    places = {name: next((f for f in ("route", "service") if f in p.parents), "global") for name, p in running.items()}
    auth = declared.asking(found, one.route)
    service = next((s for s in found["services"] if s.path == one.route.parents.get("service")), None)
    name = str(service.value.get("name") or service.path) if service else ""
    if service is None or declared.answered(found, one.route):
        return Match(one.name, name, "", "", "", places, auth, also)
    scheme, address, base = target(service)
    strip = one.route.value.get("strip_path") is not False
    prefix = (_prefix(one.paths, seen) if strip and one.paths else None) or "/"
    path = uri.escaped(joined(base, seen, prefix if strip else ""))
    sent = host if one.route.value.get("preserve_host") else named(found, service)
    return Match(one.name, name, f"{scheme}://{address}", path, sent, places, auth, also)


def named(found: Entities, service: Entity) -> str:
    """The Host header that a service sees, unless that of the request is kept: of an upstream the one that it says, or
    its target's address, and no port that goes without saying."""
    scheme, address, _ = target(service)
    upstream = declared.upstream_named(found, declared.address(service)[0])
    if upstream is not None:
        host, port = next((declared.target_address(one) for one in declared.targets_of(found, upstream)), ("", 0))
        address = str(upstream.value.get("host_header") or f"{host}:{port}")
    return address.removesuffix(f":{USUAL.get(scheme)}")


def target(service: Entity) -> tuple[str, str, str]:
    """Scheme, host:port and path of a service."""
    from urllib.parse import urlsplit

    host, port = declared.address(service)
    value: dict[str, Any] = service.value
    if value.get("url") is not None:
        parts = urlsplit(str(value["url"]))
        return parts.scheme, f"{host}:{port}", parts.path or "/"
    return str(value.get("protocol") or "http"), f"{host}:{port}", str(value.get("path") or "/")


def joined(base: str, seen: str, prefix: str) -> str:
    """The path that a service sees: its own `base`, then what is left of `seen` without `prefix` (all of it where that
    is empty). Between the two stands one slash; a final one is the request's."""
    if not prefix:
        if base.endswith("/"):
            return base + seen[1:]
        return base if seen == "/" else base + seen
    rest = seen[len(prefix) :]
    rest = re.sub(r"^\.\.?(/|$)", "", rest)
    if rest:
        return f"{base.removesuffix('/')}/{rest.removeprefix('/')}"
    if base == "/":
        return base
    closed = seen.endswith("/") and (len(seen) > 1 or base.endswith("/"))
    return base.removesuffix("/") + ("/" if closed else "")
