"""The gateway of a plan: what is wrong with its file, what it gets of it, and its addresses.

All three cost a fifth of a second, so they are kept in .stack/cache under the digest of what they are made from."""

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from stack import tree
from stack.docker import Container
from stack.env import public
from stack.errors import Problem, StackError
from stack.gateway import kongfile, matching, schema
from stack.gateway.declared import Route, Site
from stack.gateway.kongfile import FILE
from stack.planning import interpolation, model, plan
from stack.planning.planner import Planned

SERVICE = "kong-api-gateway"
INSIDE = 8000
"""The port on which the gateway takes plain HTTP in its container."""
OWN = "KONG_"
"""How the names of Kong's own settings begin; what else its container is given, the file may name."""

BUNDLED = "bundled"
"""Among the plugins to load: all that Kong comes with."""


class Inputs(msgspec.Struct, frozen=True):
    """What an entrance is made from, besides the file: the services that the gateway can reach, all services there are
    and the container ports of those that are known, what the gateway's container has, and whether it is HAProxy, which
    is built here."""

    site: Site
    reachable: list[str]
    catalogue: list[str]
    exposed: dict[str, list[int]]
    credentials: list[str]
    plugins: list[str]
    built: bool = False


class Entrance(msgspec.Struct, frozen=True):
    """What the gateway's file comes to: with any problem, neither config nor routes. Of the routes, the one to name
    for each service; `hosts` are those of all, and `unheard` are the plugins that report nothing where HAProxy
    serves."""

    problems: list[Problem] = []
    config: str = ""
    routes: list[Route] = []
    unheard: list[str] = []
    hosts: list[str] = []


def runs(containers: Iterable[Container]) -> bool:
    """Whether the gateway is among what runs of a project."""
    return any(one.service == SERVICE and one.state == "running" for one in containers)


def of(planned: Planned) -> Entrance:
    """The entrance of a plan; an empty one where no gateway is planned."""
    if SERVICE not in planned.plan.names():
        return Entrance()
    root, sources, inputs = planned.checkout.root, files(planned), _inputs(planned)
    parts = [part for path, data in sources.items() for part in (path.encode(), data)]
    key = tree.digest(*parts, msgspec.json.encode(inputs), _code())
    cache = root / tree.GENERATED / "cache" / f"entrance-{key[:24]}.json"
    made = tree.recall(cache, Entrance)
    if made is None:
        made = _made(sources, inputs)
        tree.remember(cache, msgspec.json.encode(made))
    return made


def files(planned: Planned, changed: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """The gateway's file, and those of the same path in the user's own folders, in the order of their layers; with what
    is `changed` as it is to be."""
    paths = [f"{root}/{FILE}" if root else FILE for root in planned.checkout.roots]
    found = {path: (changed or {}).get(path, tree.read(planned.checkout.root / path)) for path in paths}
    return {path: data for path, data in found.items() if data or path == FILE}


def text(planned: Planned) -> str:
    """What all of them say. Raises StackError where one can't be read."""
    return _layered(files(planned))


def _layered(sources: Mapping[str, bytes]) -> str:
    from stack import yamlfile

    texts = {path: yamlfile.decode(path, data) for path, data in sources.items()}
    if len(texts) == 1:
        return texts[FILE]
    return kongfile.write(kongfile.layered([kongfile.read(text, path) for path, text in texts.items()]))


def _made(sources: Mapping[str, bytes], inputs: Inputs) -> Entrance:
    """The entrance of all layers. What is wrong with the shipped file is told first, as its own; what only shows with
    the user's is theirs, at its place in the two together."""
    from stack import yamlfile

    first = make(sources[FILE], inputs)
    if first.problems or len(sources) == 1:
        return first
    try:
        texts = {path: yamlfile.decode(path, data) for path, data in sources.items()}
        return make(_layered(sources).encode(), inputs, list(sources)[-1], texts)
    except StackError as error:
        return Entrance(error.problems)


def site(planned: Planned) -> Site:
    """The gateway as browsers reach it."""
    entries = {s.name: plan.entry(planned.facts, s.name) for s in planned.plan.services}
    pages = {name: entry.page for name, entry in entries.items() if entry.page}
    abouts = {name: entry.about for name, entry in entries.items()}
    ports = [p.host for s in planned.plan.services if s.name == SERVICE for p in s.ports if p.container == INSIDE]
    settings = planned.checkout.settings
    own = next(iter(ports), None)
    at, paths = interpolation.reached(settings, own), settings.value("PUBLIC_ROUTES") == public.PATHS
    origins = tuple(dict.fromkeys(settings.value("CORS_ORIGINS").replace(",", " ").lower().split()))
    return Site(at.host, at.port, pages, origins, at.scheme, paths, own, abouts)


PATIENCE = 10
"""Seconds for which nobody waits longer; doctor tells a gateway that remembers more (gateway-dns)."""


def unseen(planned: Planned) -> float:
    """The seconds until the gateway surely has seen who came under a service's name: it goes by Docker's DNS for as
    long as its fragment says, and asks anew then."""
    own = model.services(planned.facts.model)[SERVICE].get("environment") or {}
    text = str(own.get("KONG_DNS_VALID_TTL") or "")
    return float(min(int(text), PATIENCE) if text.isascii() and text.isdecimal() else PATIENCE) + 1


def make(source: bytes, inputs: Inputs, file: str = FILE, layers: Mapping[str, str] | None = None) -> Entrance:
    """The entrance of a file; of more than one, `layers` has what each says. Pure."""
    from stack import yamlfile
    from stack.gateway import declared, effective, validity
    from stack.gateway.haproxy import limits

    try:
        text = yamlfile.decode(file, source)
        document = kongfile.read(text, file)
    except StackError as error:
        return Entrance(error.problems)
    found = kongfile.entities(document)
    known = (inputs.catalogue, inputs.exposed, inputs.credentials, inputs.plugins)
    problems = validity.judged(document, found, text, *known)
    if not problems and inputs.built:
        # All of the file must be what HAProxy can carry, planned or not.
        problems = list(limits.uncarried(found))
    if problems:
        return Entrance(validity.placed(problems, text, file, layers))
    served = effective.served(document, found, inputs.reachable, inputs.site, ENGINES[inputs.built])
    named = {host for route in served.found["routes"] for host in declared.strings(route.value.get("hosts"))}
    unheard = limits.silent(served.found) if inputs.built else []
    return Entrance([], effective.written(served.document), served.front, unheard, sorted(named))


def haproxy(planned: Planned, made: Entrance) -> str:
    """What a config comes to for HAProxy; empty where another engine serves, or nothing is to be served."""
    if not made.config or not built(planned):
        return ""
    from stack.gateway.haproxy import configuration

    trusted = public.trusted(planned.checkout.settings.value("TRUSTED_PROXIES"))
    key = tree.digest(made.config.encode(), msgspec.json.encode(trusted), _code())
    cache = planned.checkout.root / tree.GENERATED / "cache" / f"haproxy-{key[:24]}.cfg"
    if kept := tree.read(cache):
        return kept.decode()
    text = configuration.written(kongfile.read(made.config), trusted)
    tree.remember(cache, text.encode())
    return text


ENGINES = {False: "Kong", True: "HAProxy"}
"""Who serves: by whether the gateway is built here."""


def engine(planned: Planned) -> str:
    """Who serves at the gateway; empty where none is planned."""
    return ENGINES[built(planned)] if SERVICE in planned.plan.names() else ""


def serves(planned: Planned) -> list[str]:
    """The same as a sentence, where there is a gateway."""
    source = planned.facts.sources.get(SERVICE)
    return [f"{engine(planned)} serves at the gateway, from source {source}"] if engine(planned) else []


def built(planned: Planned) -> bool:
    """Whether the gateway is HAProxy, which is built here, and not Kong."""
    return planned.facts.sources.get(SERVICE) == "build"


def unheard(planned: Planned) -> list[Problem]:
    """A warning for the plugins that only report, where HAProxy serves: it has none such."""
    names = of(planned).unheard
    message = f"the gateway is HAProxy here, which reports nothing for {', '.join(names)}"
    fix = f"./inv source --service {SERVICE} --to container"
    return [Problem("gateway-unheard", message, FILE, fix)] if names else []


def check(planned: Planned, changed: Mapping[str, bytes]) -> list[Problem]:
    """What would be wrong with the gateway's files, planned or not, were these as they are to be; nothing where the
    catalogue has no gateway."""
    if SERVICE not in model.services(planned.facts.model):
        return []
    return _made(files(planned, changed), _inputs(planned)).problems


def unwritten(problems: Iterable[Problem]) -> list[Problem]:
    """Problems of files that are not written: a route whose requests another one has is mended by other words, in no
    file."""
    other = "give another path or name: ./inv route.list has those that are taken"
    return [msgspec.structs.replace(one, fix=other) if one.message.startswith(matching.SAME) else one
            for one in problems]  # fmt: skip


def reachable(planned: Planned) -> list[str]:
    """The planned services that share a network with the gateway."""
    services = model.services(planned.facts.model)
    mine = set(services[SERVICE].get("networks") or {})
    return [name for name in sorted(planned.plan.names()) if mine & set(services[name].get("networks") or {})]


def _inputs(planned: Planned) -> Inputs:
    services = model.services(planned.facts.model)
    own = services[SERVICE].get("environment") or {}
    plugins = {name.strip() for name in (own.get("KONG_PLUGINS") or "bundled").split(",")}
    if BUNDLED in plugins:
        plugins = plugins - {BUNDLED} | set(schema.schemas().plugins)
    return Inputs(
        site(planned), reachable(planned), planned.facts.catalog.services(),
        {name: sorted(_exposed(planned, name, services[name])) for name in sorted(services)},
        sorted(name for name in own if not name.startswith(OWN)), sorted(plugins), built(planned),
    )  # fmt: skip


def exposed(planned: Planned, name: str) -> set[int]:
    """The container ports of a service: those that Compose publishes or exposes, and the one of its address."""
    return _exposed(planned, name, model.services(planned.facts.model)[name])


def _exposed(planned: Planned, name: str, service: model.Service) -> set[int]:
    from urllib.parse import urlsplit

    address = plan.entry(planned.facts, name).url
    port = urlsplit(address).port if address else None
    return model.exposed(service) | ({port} if port else set())


@functools.cache
def _code() -> bytes:
    """The code that makes an entrance, as it is on disk: an update of this project makes it anew."""
    folder = Path(__file__).parent
    states = [file.stat() for file in (*sorted(folder.rglob("*.py")), schema.FILE, folder.parent / "yamlfile.py")]
    return repr([(state.st_size, state.st_mtime_ns) for state in states]).encode()
