"""A service's ways in through the gateway, as entries of its file. Pure."""

import itertools
import re
from collections.abc import Iterable
from typing import Any, get_args

from stack.authoring.definition import Auth, Door
from stack.errors import USAGE, fail
from stack.gateway import declared, kongfile, splice
from stack.gateway.kongfile import FILE
from stack.names import echoed

PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+/?")
HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
LOOPBACK = ("127.", "localhost", "::1", "[::1]")
LONGEST_PATH = 8000
"""Letters: with the method and the version, Kong's nginx takes a line of 8 kB (large_client_header_buffers)."""
LONGEST_HOST, LONGEST_LABEL = 253, 63
"""Letters of a name, and of each part of it (RFC 1035, 2.3.4)."""
LOCAL = ".localhost"
BACKSLASH_DOT = r"\."
"""The one character of a path that a regular expression takes otherwise."""
PLUGINS: dict[Auth, list[dict[str, Any]]] = {
    "none": [],
    "key": [{"name": "key-auth", "config": {"hide_credentials": True}}],
    "basic": [{"name": "basic-auth", "config": {"hide_credentials": True}}],
}
"""Who is let in; the credential is the gateway's, so what is behind it does not get to see it."""
ACTIVE = {
    "type": "http",
    "healthy": {"interval": 5, "successes": 1},
    "unhealthy": {"interval": 5, "http_failures": 2, "tcp_failures": 2, "timeouts": 2},
}
PASSIVE = {"type": "http", "unhealthy": {"http_failures": 3, "tcp_failures": 2, "timeouts": 3}}
"""A replica is left alone after so many failures, and asked every 5 seconds until it answers again."""


def door(path: str, host: str, port: int, auth: Auth, health_checks: bool) -> Door:
    """The door that these words ask for; a host without a dot is a name below localhost.

    Raises StackError for neither or both of path and host, and for one that can't be."""
    if bool(path) == bool(host):
        raise fail("usage", "a route has a path or a host", "--path, --host", "--path /my-service", USAGE)
    if path and not PATH.fullmatch(path):
        message = (
            f"{echoed(path)} is no path: it begins with /, is not / alone, and has letters, digits and . _ ~ - only"
        )
        raise fail("usage", message, "--path", "--path /my-service", USAGE)
    if host and not HOST.fullmatch(host):
        message = f"{echoed(host)} is no name: small letters, digits and hyphens, parts joined by dots"
        raise fail("usage", message, "--host", "--host my-service", USAGE)
    full = host if not host or "." in host else host + LOCAL
    if len(path) > LONGEST_PATH:
        message = f"{echoed(path)} is too long: no engine is asked for a path of more than {LONGEST_PATH} letters"
        raise fail("usage", message, "--path", "--path /my-service", USAGE)
    if len(full) > LONGEST_HOST or any(len(label) > LONGEST_LABEL for label in full.split(".")):
        message = f"{echoed(host)} is too long: a name has {LONGEST_HOST} letters at most, each part {LONGEST_LABEL}"
        raise fail("usage", message, "--host", "--host my-service", USAGE)
    return Door(path.rstrip("/"), full, port, auth, health_checks)


def name(service: str, at: Door) -> str:
    """What the door's entries are called: the service, and its own words where they say more."""
    words = re.sub(r"[^a-z0-9]+", "-", (at.path or at.host.removesuffix(LOCAL)).lower()).strip("-")
    return service if words == service else f"{service}-{words}"


def entries(service: str, at: Door, called: str = "") -> dict[str, dict[str, Any]]:
    """The entry of each list (services, upstreams) for one door, under its own name or the one that it is `called`."""
    called = called or name(service, at)
    balancer = f"{called}.upstream"
    address = f"http://{balancer if at.health_checks else service}:{at.port}"
    ways: dict[str, Any] = (
        {"paths": [f"{at.path}/", f"~{at.path.replace('.', BACKSLASH_DOT)}$"], "strip_path": True}
        if at.path
        else {"hosts": [at.host], "preserve_host": True, "strip_path": False}
    )
    plugins = {"plugins": PLUGINS[at.auth]} if PLUGINS[at.auth] else {}
    entry = {"name": called, "url": address, "connect_timeout": 2000, **plugins, "routes": [{"name": called, **ways}]}
    if not at.health_checks:
        return {"services": entry}
    checks = {"active": ACTIVE, "passive": PASSIVE}
    upstream = {"name": balancer, "targets": [{"target": f"{service}:{at.port}"}], "healthchecks": checks}
    return {"services": entry, "upstreams": upstream}


def standing(text: str, service: str, at: Door, file: str = FILE) -> str:
    """The name under which the gateway's file has just this door; empty where it has not."""
    names = {str(entry.get("name")): entry for entry in kongfile.read(text, file).get("services") or []}
    return next((called for called, entry in names.items() if entry == entries(service, at, called)["services"]), "")


def free(text: str, service: str, at: Door, file: str) -> str:
    """A name for the door that nothing in the file has: a host and a path may both have the service's."""
    found = kongfile.entities(kongfile.read(text, file))
    taken = {str(one.value.get("name")) for kind in ("services", "routes") for one in found[kind]}
    own = name(service, at)
    further = f"{own}-{'path' if at.path else 'host'}"
    return next(
        one
        for one in itertools.chain((own, further), (f"{further}-{n}" for n in itertools.count(2)))
        if one not in taken
    )


def added(text: str, service: str, at: Door, file: str = FILE, called: str = "") -> str:
    """The gateway's file with one more door, by a name that is free or the one that it is `called`. Raises StackError
    as `splice.add` does."""
    for kind, entry in entries(service, at, called or free(text, service, at, file)).items():
        text = splice.add(text, kind, entry, file)
    return text


def removed(text: str, names: Iterable[str], file: str = FILE) -> str:
    """The file without the services of these names, and without the upstreams that were made for them. Raises
    StackError as `splice.remove` does."""
    for called in names:
        text = splice.remove(text, "services", called, file)
        found = kongfile.entities(kongfile.read(text, file))
        if declared.upstream_named(found, f"{called}.upstream"):
            text = splice.remove(text, "upstreams", f"{called}.upstream", file)
    return text


def of_service(text: str, service: str, file: str = FILE) -> list[str]:
    """The names of the file's services that lead to a Compose service."""
    found = kongfile.entities(kongfile.read(text, file))
    return [str(s.value.get("name")) for s in found["services"] if service in declared.behind(found, s)]


def of_route(text: str, route: str, file: str = FILE) -> list[str]:
    """The file's service whose only route has this name. Raises StackError where there is none, or more routes."""
    from stack.names import echoed, suggest

    found = kongfile.entities(kongfile.read(text, file))
    names = {str(r.value.get("name")): r.parents.get("service") for r in found["routes"]}
    if route not in names:
        hint = suggest(route, list(names)) or "./inv route.list"
        raise fail("unknown-route", f"there is no route {echoed(route)}", "--name", hint, USAGE)
    owner = next((s for s in found["services"] if s.path == names[route]), None)
    if owner is None:
        raise fail("gateway-style", f"{route} belongs to no service", f"{file}: routes", f"edit {file}")
    others = [r for r in found["routes"] if r.parents.get("service") == owner.path and r.value.get("name") != route]
    if others:
        message = f"its service has {len(others)} more: {', '.join(str(r.value.get('name')) for r in others)}"
        raise fail("gateway-style", message, f"{file}: {owner.path}", f"edit {file}")
    return [str(owner.value.get("name"))]


def loopback(bind_address: str) -> bool:
    """Whether a gateway at this address is reached from its own machine alone."""
    return bind_address.startswith(LOOPBACK)


def auth(word: str, bind_address: str) -> Auth:
    """Who is let in. Raises StackError for a word that is none, and where a gateway that is open to others would get
    an open route without anybody having said so."""
    if word and word not in get_args(Auth):
        raise fail("usage", f"--auth: there is no {echoed(word)}", "--auth", ", ".join(get_args(Auth)), USAGE)
    if not word and not loopback(bind_address):
        message = "BIND_ADDRESS lets others in, and this route would ask nobody who it is"
        raise fail("open-route", message, "--auth", "--auth basic, or --auth none if that is meant", USAGE)
    return "key" if word == "key" else "basic" if word == "basic" else "none"
