"""The one plan: which services run, from where, in which order. Pure; everything printed or started follows
from it."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from stack.env import settings
from stack.errors import USAGE, Problem, StackError
from stack.names import echoed, nearest, suggest, variable
from stack.planning import graph, model, ports
from stack.planning.catalog import DISABLED, Catalog, Entry
from stack.planning.graph import Edge
from stack.planning.model import Model


class Port(msgspec.Struct, frozen=True):
    """One published port; `host` is None while the engine chooses it (more than one replica)."""

    variable: str
    host_ip: str
    host: int | None
    container: int
    protocol: str = "tcp"


class Service(msgspec.Struct, frozen=True):
    """One planned service. `containers` counts its replicas; `memory_bytes` is the limit of one of them."""

    name: str
    fragment: str
    about: str
    source: str
    image: str
    built: bool
    containers: int
    one_shot: bool
    ports: list[Port]
    depends_on: dict[str, Edge]
    tier: int
    url: str | None
    memory_bytes: int | None
    download: str = ""
    gpu: str = ""
    outside: bool = False
    retry: str = ""


class LeftOut(msgspec.Struct, frozen=True):
    """A selected service that does not run, and why."""

    name: str
    why: str


class Plan(msgspec.Struct, frozen=True):
    """What `plan` prints and `up` starts; `files` is the `-f` list in its order."""

    project: str
    base_port: int
    profiles: list[str]
    files: list[str]
    services: list[Service]
    order: list[list[str]]
    left_out: list[LeftOut]

    def names(self) -> list[str]:
        """The planned services in start order."""
        return [service.name for service in self.services]

    def fragments(self) -> list[str]:
        """The fragments that the planned services belong to."""
        return sorted({service.fragment for service in self.services})


class Selection(msgspec.Struct, frozen=True):
    """What is asked for: profiles, single services, and services that can't be had (name → why); `saved` has the
    profiles of STACK_PROFILES, which its layer `origin` sets."""

    profiles: tuple[str, ...]
    services: tuple[str, ...] = ()
    missing: Mapping[str, str] = {}
    saved: tuple[str, ...] = ()
    origin: str = ""


class Facts(msgspec.Struct, frozen=True):
    """What planning starts from: the catalogue, Compose's merged model, and the chosen values."""

    catalog: Catalog
    model: Model
    files: list[str]
    sources: Mapping[str, str]
    ports: Mapping[str, int]
    project: str
    base_port: int


def compute(facts: Facts, selection: Selection) -> Plan:
    """The plan of a selection. Raises StackError with every reason why there is none: an unknown profile or
    service, a required edge to one that is disabled or can't be had, a cycle, a port collision."""
    check_edges(facts)
    check_images(facts)
    check_references(facts)
    check_cycle(facts)
    roots, left_out = _roots(facts, selection)
    every = _edges(facts)
    names = graph.closure(roots, every)
    edges = graph.within(names, every)
    _check_absent(facts, selection, edges)
    order = graph.tiers(edges)
    tier = {name: number for number, tier in enumerate(order) for name in tier}
    present = model.services(facts.model)
    services = [_service(facts, name, present[name], edges[name], tier[name]) for part in order for name in part]
    _check_ports(facts, services)
    left_out = [one for one in left_out if one.name not in names]
    return Plan(facts.project, facts.base_port, sorted(selection.profiles), facts.files,
                services, order, left_out)  # fmt: skip


def widened(facts: Facts, narrow: Plan, names: Iterable[str]) -> Plan:
    """The plan together with what runs beyond it: what the checkout's own files are to know of, so that plain Compose
    finds it too. Without what the catalogue no longer has; the plan as it is where the two can't be together."""
    present = model.services(facts.model).keys() - set(narrow.names())
    more = [name for name in names if name in present and not _off(facts, name)]
    if not more:
        return narrow
    try:
        wide = compute(facts, Selection((), (*narrow.names(), *more)))
    except StackError:
        return narrow
    return msgspec.structs.replace(wide, profiles=narrow.profiles, left_out=narrow.left_out)


def file_list(catalog: Catalog, sources: Mapping[str, str], network: str = "") -> list[str]:
    """The `-f` files of the whole catalogue with the chosen overrides, in their order; last the overlay that lays
    the network out, where one is chosen."""
    files = list(catalog.base.layers)
    for name, fragment in catalog.fragments.items():
        files += fragment.files(sources[name])
    return [*files, *catalog.base.overrides.get(network, ())]


def profiles(facts: Facts) -> set[str]:
    """Every profile that a service of the model names."""
    return {p for service in model.services(facts.model).values() for p in service.get("profiles") or []}


def entry(facts: Facts, service: str) -> Entry:
    """The x-stack entry of a service with its chosen source."""
    fragment = facts.catalog.fragment_of(service)
    return facts.catalog.entry(service, facts.catalog.fragments[fragment].files(facts.sources[fragment]))


def _off(facts: Facts, name: str) -> bool:
    return facts.sources[facts.catalog.fragment_of(name)] == DISABLED


def _all_edges(facts: Facts) -> dict[str, dict[str, Edge]]:
    """Edges among the services that the model has; those to a companion dropped by its source vanish."""
    present = set(model.services(facts.model))
    return {n: {t: e for t, e in to.items() if t in present} for n, to in model.edges(facts.model).items()}


def _edges(facts: Facts) -> dict[str, dict[str, Edge]]:
    """The edges that count: those from services that are on, and of optional ones those to services that are on."""
    return {
        name: {t: e for t, e in targets.items() if e.required or not _off(facts, t)}
        for name, targets in _all_edges(facts).items()
        if not _off(facts, name)
    }


def check_edges(facts: Facts) -> None:
    """Raises StackError for every edge to a name that no fragment declares."""
    known = facts.catalog.services()
    problems = []
    for name, targets in model.edges(facts.model).items():
        for target in targets:
            if target not in known:
                hint = suggest(target, known) or f"remove it, or add compose/{target}.yml"
                message = f"{name} depends on {target}, which no fragment declares"
                problems.append(Problem("edge", message, _where(facts, name, f"depends_on.{target}"), hint))
    if problems:
        raise StackError(problems)


def check_images(facts: Facts) -> None:
    """Raises StackError for every service that names no image; one that is built here needs a name as well."""
    fix = "name it, also where it is built here"
    problems = [
        Problem("image", f"{name} names no image", _where(facts, name, "image"), fix)
        for name, service in model.services(facts.model).items()
        if not service.get("image")
    ]
    if problems:
        raise StackError(problems)


def check_references(facts: Facts) -> None:
    """Raises StackError for every volume, network, secret and config that a service uses and no file declares."""
    problems = []
    for name, service in model.services(facts.model).items():
        for section, used in model.references(service).items():
            for missing in sorted(used - set(facts.model.get(section) or {})):
                message = f"{name} uses the {section[:-1]} {missing}, which no file declares"
                where = _where(facts, name, section)
                fix = f"add `{section}: {{{missing}: }}` to the file"
                problems.append(Problem("undeclared", message, where, fix))
    if problems:
        raise StackError(problems)


def check_cycle(facts: Facts) -> None:
    """Raises StackError for services that wait for each other, selected or not: Compose refuses them too."""
    ring = graph.ring(_all_edges(facts))
    if ring:
        raise StackError(graph.cycle(ring, _where(facts, ring[0], f"depends_on.{ring[1]}")))


def _where(facts: Facts, name: str, key: str) -> str:
    """The place in its fragment that says something about a service."""
    path = facts.catalog.fragments[facts.catalog.fragment_of(name)].layers[0]
    return f"{path}: services.{name}.{key}"


def _roots(facts: Facts, selection: Selection) -> tuple[set[str], list[LeftOut]]:
    """The services asked for themselves, and those of them that are left out, with the reason. Without the service that
    a fragment is named after, its jobs and workers are nobody's: they come only for others that need them."""
    present = model.services(facts.model)
    _check_known(facts, selection)
    of_profiles = {n for n, s in present.items() if _selected(facts, n, s, selection)}
    roots, left_out = set(selection.services), []
    gone = selection.missing.keys() & of_profiles - roots
    for name in sorted(of_profiles):
        fragment = facts.catalog.fragment_of(name)
        if _off(facts, name):
            left_out.append(LeftOut(name, f"disabled by {variable(fragment, 'SOURCE')}"))
        elif name in gone:
            left_out.append(LeftOut(name, selection.missing[name]))
        elif fragment in gone and name not in roots:
            left_out.append(LeftOut(name, f"{fragment} is left out"))
        else:
            roots.add(name)
    return roots, left_out


EVERYTHING = "all"
"""The profile of every service, but for those that are opt-in alone."""


def _selected(facts: Facts, name: str, service: model.Service, selection: Selection) -> bool:
    """Whether one of the selected profiles has the service."""
    own = set(service.get("profiles") or [])
    return bool(own & set(selection.profiles)) or (
        EVERYTHING in selection.profiles and bool(own) and not entry(facts, name).opt_in
    )


def _check_known(facts: Facts, selection: Selection) -> None:
    problems = []
    of_profiles, of_services = sorted(profiles(facts) | {EVERYTHING}), sorted(model.services(facts.model))
    for kind, asked, known, other, others in (
        ("profile", selection.profiles, of_profiles, "service", of_services),
        ("service", selection.services, of_services, "profile", of_profiles),
    ):
        for name in asked:
            if name not in known and kind == "profile" and name in selection.saved:
                problems.append(_unknown_saved(name, selection, known))
            elif name not in known:
                hint = suggest(name, known) or f"known are {', '.join(known)}"
                hint = f"it is a {other}: --{other} {name}" if name in others else hint
                problems.append(Problem(f"unknown-{kind}", f"unknown {kind} {echoed(name)}", f"--{kind}", hint))
    if problems:
        raise StackError(problems, USAGE)


def _unknown_saved(name: str, selection: Selection, known: list[str]) -> Problem:
    """The problem of a profile that no flag names but the setting."""
    setting, origin = "STACK_PROFILES", selection.origin
    left = ",".join(filter(None, (one if one in known else nearest(one, known) for one in selection.saved)))
    fix = settings.done(setting, left, origin) if left else settings.undone(setting, origin)
    hint = suggest(name, known) or f"known are {', '.join(known)}"
    message = f"unknown profile {echoed(name)} in {setting}: {hint}"
    return Problem("unknown-profile", message, f"{origin}: {setting}", fix)


def _check_absent(facts: Facts, selection: Selection, edges: graph.Edges) -> None:
    """Raises StackError for every needed service that is disabled, or whose image can't be had. `edges` has each
    needed service and what it waits for."""
    needed = {t: n for n in sorted(edges) for t, e in edges[n].items() if e.required}
    problems = []
    for name in sorted(edges):
        fragment = facts.catalog.fragment_of(name)
        who = f"{needed[name]} requires {name}" if name in needed else f"{name} is asked for by --service"
        if _off(facts, name):
            message = f"{who}, but {name} is disabled"
            setting = variable(fragment, "SOURCE")
            problems.append(Problem("disabled", message, setting, f"--source {fragment}=container"))
        elif name in selection.missing:
            message = f"{who}, but {selection.missing[name]}"
            problems.append(Problem("no-image", message, name, _ways_out(facts, fragment, needed.get(name))))
    if problems:
        raise StackError(problems)


def _ways_out(facts: Facts, fragment: str, dependant: str | None) -> str:
    """What to type where a needed service can't be had."""
    sources = facts.catalog.fragments[fragment].sources()
    if "build" in sources and facts.sources[fragment] != "build":
        return f"--source {fragment}=build"
    if dependant:
        return f"--source {facts.catalog.fragment_of(dependant)}=disabled"
    return f"docker pull the image where a registry answers, or set REGISTRY_PREFIX to a mirror that has {fragment}"


def _service(facts: Facts, name: str, raw: model.Service, edges: dict[str, Edge], tier: int) -> Service:
    fragment = facts.catalog.fragment_of(name)
    about = entry(facts, name)
    return Service(
        name, fragment, about.about, facts.sources[fragment], raw.get("image", ""), bool(raw.get("build")),
        model.replicas(raw), model.one_shot(raw), [_port(facts, about, p) for p in raw.get("ports") or []],
        edges, tier, about.url, model.memory_bytes(raw), about.download, about.gpu,
        about.outside, about.retry,
    )  # fmt: skip


def _port(facts: Facts, about: Entry, raw: dict[str, Any]) -> Port:
    # Of a range ("8080-8090") the engine chooses one.
    host = int(raw["published"]) if str(raw.get("published", "")).isdecimal() else None
    names = [v for v in about.ports if facts.ports.get(v) == host or host is None]
    return Port(names[0] if names else "", raw.get("host_ip", ""), host, int(raw["target"]), raw.get("protocol", "tcp"))


def _check_ports(facts: Facts, services: list[Service]) -> None:
    problems = ports.collisions(published(services), facts.base_port)
    if problems:
        raise StackError(problems)


def published(services: list[Service]) -> list[ports.Published]:
    """Every host port that the services publish for certain."""
    return [ports.Published(s.name, p.variable, p.host_ip, p.host, p.protocol)
            for s in services for p in s.ports if p.host is not None]  # fmt: skip


def data(plan: Plan) -> dict[str, Any]:
    """The plan as the JSON envelope holds it."""
    services = [
        {
            "name": s.name, "source": s.source, "containers": s.containers, "image": s.image,
            "ports": msgspec.to_builtins(s.ports), "depends_on": msgspec.to_builtins(s.depends_on), "tier": s.tier,
            "url": s.url, "about": s.about, "one_shot": s.one_shot, "memory_bytes": s.memory_bytes,
        }
        for s in plan.services
    ]  # fmt: skip
    return {
        "project": plan.project, "base_port": plan.base_port, "profiles": plan.profiles, "files": plan.files,
        "services": services, "order": plan.order, "left_out": msgspec.to_builtins(plan.left_out),
    }  # fmt: skip
