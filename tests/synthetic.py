"""Planning's input made by hand: a catalogue and Compose's merged model, as values."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stack.env.settings import CORE_DEFAULTS, resolve
from stack.planning import plan
from stack.planning.catalog import DISABLED, PLAIN, Catalog, File, Fragment
from stack.planning.checkouts import Checkout
from stack.planning.plan import Facts, Selection
from stack.planning.planner import Planned, Request

NETWORK = "net"


def facts(
    services: Mapping[str, Any],
    *,
    companions: Mapping[str, str] | None = None,
    entries: Mapping[str, Any] | None = None,
    options: Mapping[str, Iterable[str]] | None = None,
    off: Iterable[str] = (),
    sources: Mapping[str, str] | None = None,
    ports: Mapping[str, int] | None = None,
) -> Facts:
    """Facts of `services`: Compose's values by name; an image and the profile `core` unless given.

    Each stands in a fragment of its own but for `companions` (service: fragment). `entries` are the x-stack
    entries, `options` the overrides there are, `off` the disabled fragments."""
    belongs = dict(companions or {})
    names = sorted(set(services) - set(belongs))
    chosen = {**dict.fromkeys(names, PLAIN), **(sources or {}), **dict.fromkeys(off, DISABLED)}
    members = {name: [name, *sorted(s for s, owner in belongs.items() if owner == name)] for name in names}
    model = {
        "services": {
            name: {"image": f"example/{name}:1", "profiles": ["core"], "networks": {NETWORK: None}, **service}
            for name, service in services.items()
        },
        "networks": {NETWORK: {"name": f"test_{NETWORK}"}},
    }
    options = options or {}
    fragments = {name: _fragment(name, options.get(name, ())) for name in names}
    files: dict[str, File] = {}
    for name in names:
        files |= _files(name, members[name], entries or {}, options.get(name, ()))
    catalog = Catalog(fragments, files, Fragment("base", (), {}, ()))
    listed = plan.file_list(catalog, chosen)
    return Facts(catalog, model, listed, chosen, dict(ports or {}), "test", 63000)


def _fragment(name: str, options: Iterable[str]) -> Fragment:
    return Fragment(name, (f"compose/{name}.yml",), {o: (f"overrides/{name}/{o}.yml",) for o in options}, ())


def _files(name: str, members: list[str], entries: Mapping[str, Any], options: Iterable[str]) -> dict[str, File]:
    own = {member: dict(entries[member]) for member in members if member in entries}
    shipped = {f"compose/{name}.yml": File(own, dict.fromkeys(members, True), {})}
    return shipped | {f"overrides/{name}/{option}.yml": File({}, {name: True}, {}) for option in options}


def needs(*required: str, optional: Iterable[str] = ()) -> dict[str, Any]:
    """A `depends_on` of Compose's merged model."""
    edges = {name: {"condition": "service_started", "required": True} for name in required}
    return edges | {name: {"condition": "service_started", "required": False} for name in optional}


def port(host: int | str, container: int, host_ip: str = "127.0.0.1") -> dict[str, Any]:
    """A published port of Compose's merged model."""
    return {"host_ip": host_ip, "target": container, "published": str(host), "protocol": "tcp"}


def planned(
    found: Facts,
    *profiles: str,
    settings: Mapping[str, str] | None = None,
    root: Path = Path("/nowhere"),
) -> Planned:
    """The plan of some profiles (core unless given) with what it was made from; `settings` are in `.env`."""
    values = {**CORE_DEFAULTS, **(settings or {})}
    layers = resolve(CORE_DEFAULTS, values, {}, {}, values)
    checkout = Checkout(root, values, [""], found.catalog, layers, {}, "digest")
    made = plan.compute(found, Selection(profiles or ("core",)))
    return Planned(checkout, Request(), found, made, {}, "digest", [])
