"""`inv route.*`: the gateway's routes: listed, tried without a gateway, added and removed in place."""

import difflib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from stack import docker, tree
from stack.authoring import addition, doors
from stack.authoring.definition import Door
from stack.errors import USAGE, Problem, StackError, fail
from stack.gateway import declared, effective, entrance, kongfile, routing
from stack.gateway.kongfile import FILE
from stack.names import echoed, suggest
from stack.output.result import Result
from stack.planning import checkouts, compare, plan, planner
from stack.planning.checkouts import Checkout
from stack.planning.planner import Planned

BOM = "\ufeff"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def listed() -> Result:
    """Every route: its address, the service behind it, who is let in, and whether it is planned."""
    planned = _in_force()
    site, reached = entrance.site(planned), _reached(planned)
    found = kongfile.entities(effective.whole(entrance.text(planned), reached, site))
    serving = effective.there(found, reached) if reached else set()
    rows = []
    for entity, route in declared.addresses(found):
        here = entity.path in serving
        rows.append({"name": entity.value.get("name") or entity.path, "host": route.host, "path": route.path,
                     "service": route.service, "auth": list(route.auth), "planned": here,
                     "url": declared.url(route, site) if here else ""})  # fmt: skip
    return Result({"routes": rows, "engine": entrance.engine(planned)}, lines=entrance.serves(planned))


def _in_force() -> Planned:
    """The plan with what runs beyond it: the gateway has routes to that as well."""
    planned = planner.drafted(checkouts.read(tree.root()))
    running = compare.running(planned.plan.project) or []
    return planner.widened(planned, sorted({c.service for c in running if c.state == "running"}))


def _reached(planned: Planned) -> list[str]:
    """What the gateway leads to; nothing where none is planned."""
    return entrance.reachable(planned) if entrance.SERVICE in planned.plan.names() else []


def test(method: str, url: str) -> Result:
    """Which route takes a request, what runs for it, and why the others that could do not."""
    method, (host, path) = _method(method), _address(url)
    planned = _in_force()
    text, reached, site = entrance.text(planned), _reached(planned), entrance.site(planned)
    now = routing.router(kongfile.entities(effective.serving(text, reached, site)))
    whole = routing.router(kongfile.entities(effective.whole(text, reached, site)))
    met, ever = (routing.match(table, method, host, path, site.port) for table in (now, whole))
    request = {"method": method, "host": host, "path": path}
    if isinstance(ever, routing.Miss):
        raise fail("no-route", ever.why, f"{method} {url}", "./inv route.list")
    lines = entrance.serves(planned)
    if isinstance(met, routing.Miss) or met.route != ever.route:
        absent = _behind(whole, ever) if reached else entrance.SERVICE
        lines += [f"{absent or ever.service} is not planned, so the route {ever.route} is not there now"]
    table, here = (whole, False) if isinstance(met, routing.Miss) else (now, True)
    met = ever if isinstance(met, routing.Miss) else met
    service = _behind(table, met)
    others = routing.others(table, method, host, path, site.port)
    found = {**msgspec.to_builtins(met), "compose_service": service, "planned": here, "others": others,
             "engine": entrance.engine(planned)}  # fmt: skip
    return Result({"request": request, **found}, lines=lines)


def _behind(table: routing.Router, met: routing.Match) -> str:
    """The Compose service that answers; empty where the gateway does."""
    owner = next((s for s in table.found["services"] if met.upstream and s.value.get("name") == met.service), None)
    return next(iter(declared.behind(table.found, owner)), "") if owner else ""


def add(
    service: str, path: str, host: str, port: str, who: str, health_checks: bool, into: str, dry_run: bool
) -> Result:
    """Add a route to the gateway's file, once the whole file with it is right."""
    planned = planner.drafted(checkouts.read(tree.root()))
    known = planned.facts.catalog.services()
    if service not in known:
        hint = suggest(service, known) or "./inv plan --profile all"
        raise fail("unknown-service", f"unknown service {echoed(service)}", "--service", hint, USAGE)
    chosen = doors.auth(who, planned.checkout.settings.value("BIND_ADDRESS"))
    at = doors.door(path, host, _port(planned, service, port), chosen, health_checks)
    file = in_layer(planned.checkout, into, FILE)
    called = doors.free(_text(planned, file), service, at, file)
    told = f"added {called}: {at.path or at.host} to {service}:{at.port}"
    words = [*(["--port", port] if port else []), *(["--health-checks"] if health_checks else []),
             *(["--into", into] if into else [])]  # fmt: skip
    doubts = [] if who else unguarded(entrance.text(planned), called, service, at, words)
    result = _edit(planned, file, lambda text: doors.added(text, service, at, file, called), dry_run, [told])
    return msgspec.structs.replace(result, data={"name": called, **result.data}, problems=doubts)


def unguarded(text: str, called: str, service: str, at: Door, words: Sequence[str] = ()) -> list[Problem]:
    """That a new route asks nobody who it is, where nobody said that it is to be so; `words` are further flags of the
    line that makes it. In front of every route of the gateway's `text` something may ask."""
    found = kongfile.entities(kongfile.read(text))
    if at.auth != "none" or declared.asking(found, kongfile.Entity("routes", "any", {}, {})):
        return []
    guarded = [f"{name} ({', '.join(route.auth)})" for name, route in declared.named(found)
               if route.service == service and route.auth and name != called]  # fmt: skip
    beside = f", though {' and '.join(dict.fromkeys(guarded))} asks in front of {service}" if guarded else ""
    way = f"--path {at.path}" if at.path else f"--host {at.host}"
    message = f"{called}, {at.path or at.host} at the gateway, asks nobody who it is"
    message += beside or ": it is for services with a login of their own"
    line = " ".join(["./inv route.add --service", service, way, *words, "--auth basic"])
    into = f" --into {words[-1]}" if "--into" in words else ""
    return [Problem("open-door", message, FILE, f"./inv route.remove --name {called}{into} && {line}")]


def remove(service: str, name: str, into: str, dry_run: bool) -> Result:
    """Remove one route by name, or all that lead to a service."""
    if bool(service) == bool(name):
        raise fail("usage", "route.remove takes --service or --name", "route.remove", "./inv route.list", USAGE)
    planned = planner.drafted(checkouts.read(tree.root()))
    file = in_layer(planned.checkout, into, FILE)
    text = _text(planned, file)
    names = doors.of_service(text, service, file) if service else doors.of_route(text, name, file)
    if not names:
        raise fail("unknown-route", f"no route leads to {echoed(service)}", "--service", "./inv route.list", USAGE)
    told = [f"removed {', '.join(names)}"]
    return _edit(planned, file, lambda text: doors.removed(text, names, file), dry_run, told)


def in_layer(checkout: Checkout, into: str, path: str) -> str:
    """The path in the shipped tree, or in one of the user's own folders. Raises StackError for any other folder."""
    if into not in checkout.roots:
        known = ", ".join(root for root in checkout.roots if root)
        raise fail("usage", f"--into: {into} is no layer of STACK_PATH", "--into", f"--into {known}", USAGE)
    return f"{into}/{path}" if into else path


def _text(planned: Planned, file: str) -> str:
    from stack import yamlfile

    return yamlfile.decode(file, tree.read(planned.checkout.root / file)) or addition.EMPTY.decode()


def _address(url: str) -> tuple[str, str]:
    """Host header and path of a URL, letter by letter; a path alone is asked of localhost. Raises StackError for what
    is neither."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url if "://" in url else f"http://localhost{url}" if url[:1] == "/" else f"http://{url}")
        named = re.fullmatch(r"[\w.:-]+", parts.hostname or "") and (parts.port is None or parts.port > 0)
    except ValueError:
        named = None
    known = "://" in url or url[:1] == "/" or "." in url.partition("/")[0] or url.startswith("localhost")
    if not named or not known or parts.scheme not in ("http", "https") or re.search(r"[\s\x00-\x1f]", url):
        message = f"{echoed(url)} is no address and no path"
        raise fail("usage", message, "URL", "./inv route.test GET http://n8n.localhost/", USAGE)
    return parts.netloc.rpartition("@")[2], parts.path or "/"


def _method(word: str) -> str:
    """A method of HTTP. Raises StackError for another word."""
    if word.upper() in METHODS:
        return word.upper()
    hint = suggest(word, METHODS) or f"one of {', '.join(METHODS)}"
    raise fail("usage", f"{echoed(word)} is no method of HTTP", "METHOD", hint, USAGE)


def _port(planned: Planned, service: str, port: str) -> int:
    """The container's port: the one given, or that of the service's address, or the only one there is."""
    from urllib.parse import urlsplit

    if port:
        if port.isascii() and port.isdecimal() and 0 < int(port) < 65536:
            return int(port)
        raise fail("usage", f"--port: {echoed(port)} is no port", "--port", "--port 8000", USAGE)
    address = plan.entry(planned.facts, service).url or ""
    found = {urlsplit(address).port} if address.startswith("http") else set(entrance.exposed(planned, service))
    if len(found) == 1 and (only := found.pop()):
        return only
    words = (
        f"{service} has the ports {', '.join(map(str, sorted(filter(None, found))))}" if found else "no port is known"
    )
    raise fail("usage", f"{words}: say which is meant", "--port", "--port 8000", USAGE)


def _edit(planned: Planned, file: str, change: Callable[[str], str], dry_run: bool, lines: list[str]) -> Result:
    """Change the file, or print how it would change; hand a running gateway its new routes."""
    root = planned.checkout.root
    with tree.locked(root):
        before = tree.read(root / file)
        text = _text(planned, file)
        after = (BOM if before.startswith(BOM.encode()) else "").encode() + change(text.removeprefix(BOM)).encode()
        problems = entrance.check(planned, {file: after})
        if problems:
            raise StackError(entrance.unwritten(problems))
        data: dict[str, Any] = {"file": file, "written": not dry_run}
        if dry_run:
            shown = _diff(file, before, after)
            return Result({**data, "diff": shown}, lines=shown)
        if tree.read(root / file) != before:
            raise fail("changed", f"{file} was changed meanwhile, so it stays as it is", file, "repeat the command")
        there = (root / file).exists()
        tree.write(root / file, after)
        try:
            after_words = _handed_over(planned)
        except StackError:  # the gateway keeps its old routes, so the file does, too
            _put_back(root / file, before if there else None)
            raise
    return Result({**data, "reloaded": after_words == TAKEN}, lines=[*lines, after_words])


def _put_back(path: Path, before: bytes | None) -> None:
    if before is None:
        path.unlink()
    else:
        tree.write(path, before)


def _diff(file: str, before: bytes, after: bytes) -> list[str]:
    old, new = (part.decode(errors="replace").splitlines() for part in (before, after))
    return list(difflib.unified_diff(old, new, file, file, lineterm=""))


TAKEN, LATER = "the running gateway took it", "the gateway takes it with the next: ./inv up"


def _handed_over(planned: Planned) -> str:
    """Give a running gateway of this project its routes, and tell what it makes of them."""
    from stack.running import live

    if checkouts.clustered(planned.checkout):
        return LATER
    try:
        running = docker.containers(planned.plan.project)
    except StackError:
        return LATER
    if not entrance.runs(running):
        return LATER
    names = sorted({c.service for c in running if c.state == "running"})
    planned = planner.widened(planned, names)
    if live.older(planned, running):
        return live.OLDER
    return TAKEN if live.apply_routes(planned, running=True) else LATER
