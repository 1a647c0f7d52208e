"""Services of somebody's Compose file, as Compose reads it, made one of ours. Pure."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from stack.authoring import mounts, renaming
from stack.authoring.carrier import Carrier, File, Here, Services, ports
from stack.authoring.definition import Condition, Definition, Edge
from stack.authoring.losses import Loss
from stack.errors import USAGE, fail
from stack.names import echoed, suggest
from stack.planning import model

CARRIED = (
    *("entrypoint", "command", "user", "working_dir", "platform", "group_add", "cap_add", "cap_drop"),
    *("ulimits", "shm_size", "tmpfs", "init", "stop_grace_period", "stop_signal", "sysctls", "read_only", "tty"),
    *("stdin_open", "expose", "extra_hosts", "healthcheck", "labels", "security_opt", "dns", "dns_search", "dns_opt"),
    *("oom_score_adj", "cpu_shares", "cpuset", "userns_mode", "annotations", "post_start", "pre_stop"),
)
"""Keys that stand in the fragment as they stand there, with our names in them."""
NAMES = ("hostname", "domainname")
"""What a program calls itself: it stays, as its data may know it by that name."""
BUILT = ("context", "dockerfile", "dockerfile_inline", "args", "target")
"""Keys of a build that are carried, the folder first."""
OURS = {
    "container_name": "Compose names containers",
    "networks": "all services share one network",
    "links": "services find each other by name",
    "logging": "every service rotates its logs",
    "profiles": "--profile says when it runs",
    "pull_policy": "up pulls what is not there",
}
"""What has its place here already."""
SWARM = ("mode", "placement", "update_config", "rollback_config", "endpoint_mode", "labels")
"""Keys of `deploy` that Compose reads, and that mean nothing to it on one machine."""
RESOURCES = {
    "cpus": ("limits", "cpus"),
    "pids_limit": ("limits", "pids"),
    "mem_reservation": ("reservations", "memory"),
}
"""The short keys of what stands under `deploy.resources` here: Compose refuses both in one service. The limit of memory
is a setting of ours."""
SPOKEN = ("entrypoint", "command", "healthcheck")
"""Where a host may stand as any word."""
HERE = Here()
KNOWN = {"image", "build", "ports", "environment", "volumes", "depends_on", "deploy", "mem_limit", "gpus",
         "restart", "scale", *RESOURCES, *CARRIED, *NAMES, *OURS, "secrets"}  # fmt: skip
EMPTY: tuple[Any, ...] = (None, [], {})
PLAIN: dict[str, tuple[Any, ...]] = {
    "networks": ({"default": None}, {"default": {}}), "profiles": ([],), "pull_policy": ("missing", "if_not_present")
}  # fmt: skip
"""Values that say nothing, so that nobody is told of them."""
CONDITIONS: dict[str, Condition] = {
    "service_healthy": "healthy",
    "service_completed_successfully": "completed",
    "service_started": "started",
}


def choose(services: Services, service: str, mapping: Mapping[str, str]) -> tuple[list[str], str]:
    """The services to carry, and the main one of them: the one that is named, with what it requires; else all, and of
    those that nobody needs the first that publishes a port. Raises StackError for names that the file lacks."""
    known = list(services)
    meant = {*known, *(to for raw in services.values() for to in _needs(raw))}
    for name in [service, *mapping] if service else mapping:
        if name not in (known if name == service else meant):
            hint = suggest(name, known) or f"it has {', '.join(sorted(known))}"
            raise fail("usage", f"the file has no service {echoed(name)}", "--from-compose", hint, USAGE)
    if service:
        return _required(services, service, mapping), service
    chosen = [name for name in known if name not in mapping]
    if not chosen:
        raise fail("usage", "the file has no service to carry", "--from-compose", "another file", USAGE)
    needed = {to for name in chosen for to in _needs(services[name])}
    fronts = [name for name in chosen if name not in needed]
    open_ = [name for name in fronts if services[name].get("ports")]
    return chosen, next(iter(open_ or fronts or chosen))


def _required(services: Services, service: str, mapping: Mapping[str, str]) -> list[str]:
    """A service and all that it depends on, but for that for which one of ours stands in."""
    found, ahead = [service], [service]
    while ahead:
        for to in _needs(services[ahead.pop()]):
            if to in services and to not in found and to not in mapping:
                found.append(to)
                ahead.append(to)
    return found


def definition(file: File, chosen: list[str], main: str, name: str, mapping: Mapping[str, str], here: Here = HERE,
               ) -> tuple[Definition, list[Loss]]:  # fmt: skip
    """The main service with the others as companions, and all that is not as it was."""
    carrier = Carrier(file, chosen, main, name, mapping, here)
    aliases = _aliases(carrier, chosen)
    parts = [msgspec.structs.replace(_one(carrier, old), aliases=aliases[old])
             for old in sorted(chosen, key=lambda old: old != main)]  # fmt: skip
    kept = {path: renaming.rewritten(data, carrier.hosts) if here.rewrite else data for path, data in file.kept.items()}
    asked = {**{called: "" for called, kind in carrier.kinds.items() if kind == "asked"}, **carrier.asked}
    carrier.lost += [Loss(called, why, "set", f"./inv env.set {called} VALUE") for called, why in asked.items()]
    empty = [called for called, kind in carrier.kinds.items() if kind == "optional"]
    carrier.lost += [Loss(called, "has no value there", "empty", f"./inv env.set {called} VALUE") for called in empty]
    made = [called for called, kind in carrier.kinds.items() if kind not in ("asked", "optional")]
    carrier.lost += [Loss(called, "by up", "made", f"./inv env.get {called} --reveal") for called in made]
    where = f"where you need it: local/compose/{name}.yml"
    carrier.lost = [one._replace(fix=where) if one.code == "lost" and not one.fix else one for one in carrier.lost]
    own = {part.name: part for part in parts}
    by_old = {old: own[carrier.names[old]] for old in chosen}
    seeds = [mounts.seed(carrier, volume, by_old) for volume in carrier.seeds]
    carrier.lost += mounts.copying(carrier, by_old)
    copied = {f"compose/{name}/{PurePosixPath(path)}": data for path, data in kept.items()}
    first = msgspec.structs.replace(
        parts[0],
        secrets=carrier.kinds,
        companions=[*parts[1:], *seeds],
        files=copied,
        sources=_gpu(file.services[main]),
    )
    return first, carrier.lost


def _aliases(carrier: Carrier, chosen: list[str]) -> dict[str, list[str]]:
    """The further names of each service: those by which others are told to reach it, and those that stand in commands
    and in files that come along, where no service here has the name. What then is reached by none is told."""
    wanted: dict[str, str] = {}
    for old in chosen:
        wanted |= dict.fromkeys(renaming.aliases(carrier.file.services[old]), old)
        wanted |= {
            alias: to for to, alias in renaming.links(carrier.file.services[old]) if alias != to and to in chosen
        }
    mentions = [] if carrier.here.rewrite else list(renaming.mentions(carrier.file.kept, carrier.hosts))
    owners = {carrier.names[old]: old for old in chosen}
    spoken = [name for mention in mentions for name in mention.names]
    for raw in (carrier.file.services[old] for old in chosen):
        left = [carrier.deep(key, raw.get(key)) for key in SPOKEN]
        spoken += renaming.words(left, (name for name, new in carrier.hosts.items() if name != new))
    for name in spoken:
        wanted.setdefault(name, owners.get(carrier.hosts[name], ""))
    taken = {*carrier.here.services, *carrier.here.aliases, *carrier.names.values()}
    free = {name: old for name, old in wanted.items() if old and name not in taken and renaming.ALIAS.fullmatch(name)}
    carrier.lost += [_mention(carrier, mention, all(name in free for name in mention.names)) for mention in mentions]
    told = {name for mention in mentions for name in mention.names}
    lacking = [(name, old) for name, old in wanted.items() if old and name not in free and name not in told]
    for name, old in lacking:
        fix = f"it is {carrier.names[old]}"
        carrier.lost.append(Loss(f"{old}.networks", f"the name {name} is another's here", "changed", fix))
    return {old: [name for name, owner in free.items() if owner == old] for old in chosen}


def _mention(carrier: Carrier, mention: renaming.Mention, known: bool) -> Loss:
    """What becomes of an old name in a file."""
    place, names = f"{mention.path}:{mention.line}", ", ".join(mention.names)
    if known:
        new = ", ".join(carrier.hosts[name] for name in mention.names)
        return Loss(place, f"names {names}, which is a further name of {new} here", "changed")
    return Loss(place, f"names {names}, which is no name of it here", "changed", f"--rewrite-files: {mention.text}")


def _one(carrier: Carrier, old: str) -> Definition:
    raw, name = carrier.file.services[old], carrier.names[old]
    env = {key: carrier.value(key, value) for key, value in raw["environment"].items()}
    extra = {key: carrier.deep(key, raw[key]) for key in CARRIED if raw.get(key) not in EMPTY}
    extra |= {key: raw[key] for key in NAMES if raw.get(key)}
    extra |= _ending(carrier, old, raw) | _reserved(raw) | mounts.in_memory(raw)
    given = _given(carrier, old, raw, extra)
    places = list(mounts.of(carrier, old))
    usual = [key for key in OURS if raw.get(key) and raw[key] not in PLAIN.get(key, ())]
    carrier.lost += [Loss(f"{old}.{key}", OURS[key], "usual") for key in usual]
    carrier.lost += [Loss(f"{old}.{key}", "not carried") for key in raw if key not in KNOWN and raw[key] not in EMPTY]
    others = [f"{port['target']}/{port['protocol']}" for port in raw.get("ports") or []
              if port.get("protocol", "tcp") not in ("tcp", "udp")]  # fmt: skip
    carrier.lost += [Loss(f"{old}.ports", f"{port}: is not published") for port in others]
    carrier.lost += _of_deploy(old, raw, old != carrier.main)
    return Definition(
        name, about=f"{name}, from a Compose file" if name == carrier.name else f"{old} of {carrier.name}",
        image=raw.get("image") or "", build=_build(carrier, old, raw), ports=ports(raw), udp=ports(raw, "udp"),
        depends_on=[*_edges(carrier, old, raw, {place.source for place in places}), *_reached(carrier, old)],
        env=env, volumes=places,
        memory=str(_resources(raw, "limits").get("memory") or raw.get("mem_limit") or ""), replicas=_replicas(raw),
        extra=extra, given=given,
    )  # fmt: skip


def _given(carrier: Carrier, old: str, raw: dict[str, Any], extra: dict[str, Any]) -> dict[str, str]:
    """The top-level secrets of ours that a container finds where it found theirs, each with the setting it holds."""
    held = {}
    for one in raw.get("secrets") or []:
        if one["source"] in carrier.given:
            called = f"{carrier.name}-{renaming.slug(one['source'])}"
            held[called] = carrier.given[one["source"]]
            there = {"target": f"/run/secrets/{one['source']}", **one, "source": called}
            extra.setdefault("secrets", []).append(there)
        else:
            why = f"{one['source']}: it has no value of one line that can be read"
            carrier.lost.append(Loss(f"{old}.secrets", why))
    return held


def _ending(carrier: Carrier, old: str, raw: dict[str, Any]) -> dict[str, str]:
    """The restart policy of what ends by itself; every other service is started again. A job here is what has "no"."""
    policy = _deploy(raw).get("restart_policy") or {}
    wanted = raw.get("restart") or {"none": "no", "on-failure": "on-failure"}.get(policy.get("condition", ""), "")
    if old in carrier.awaited:
        if wanted not in ("", "no"):
            carrier.lost.append(Loss(f"{old}.restart", f"{wanted}: a job is tried once by each up", "changed"))
        return {"restart": "no"}
    stays = raw.get("ports") or (raw.get("healthcheck") or {}).get("test")
    if wanted == "no" and stays:
        carrier.lost.append(Loss(f"{old}.restart", "no: what has a port or a health check is started again", "changed"))
        return {}
    return {"restart": wanted} if wanted.startswith(("no", "on-failure")) else {}


def _reserved(raw: dict[str, Any]) -> dict[str, Any]:
    """What of `deploy.resources` the fragment has no setting for."""
    kept: dict[str, dict[str, Any]] = {}
    for short, (part, key) in RESOURCES.items():
        if value := _resources(raw, part).get(key) or raw.get(short):
            kept.setdefault(part, {})[key] = value
    return {"deploy": {"resources": kept}} if kept else {}


def _of_deploy(old: str, raw: dict[str, Any], companion: bool) -> Iterator[Loss]:
    """What of `deploy` has no meaning on one machine, or is not carried for a companion."""
    deploy = _deploy(raw)
    carried = ("replicas", "resources", "restart_policy")
    for key in (key for key, value in deploy.items() if key not in carried and value not in EMPTY):
        swarm = key in SWARM
        yield Loss(f"{old}.deploy.{key}", "of a swarm" if swarm else "not carried", "usual" if swarm else "lost")
    if companion and _gpu(raw):
        yield Loss(f"{old}.gpus", "a companion runs without")


def _replicas(raw: dict[str, Any]) -> int:
    return int(_deploy(raw).get("replicas") or raw.get("scale") or 1)


def _build(carrier: Carrier, old: str, raw: dict[str, Any]) -> dict[str, Any]:
    build: dict[str, Any] = raw.get("build") or {}
    if not build:
        return {}
    carrier.lost += [Loss(f"{old}.build.{key}", "not carried") for key in build if key not in BUILT and build[key]]
    rest = {key: carrier.deep(key, build[key]) for key in BUILT[1:] if build.get(key)}
    if model.remote(build["context"]):
        return {"context": build["context"], **rest}
    inside = PurePosixPath(build["context"])
    folder = PurePosixPath("compose", carrier.name) / inside
    if not any(PurePosixPath(path).is_relative_to(inside) for path in carrier.file.kept):
        carrier.lost.append(Loss(f"{old}.build", "its folder", fix=f"copy it to {folder}"))
    return {"context": f"./{folder}", **rest}


def _needs(raw: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a service starts after: a link is such an edge too, and so is whose network it is in."""
    kind, _, host = str(raw.get("network_mode") or "").partition(":")
    implied = [*(to for to, _ in renaming.links(raw)), *([host] if kind == "service" else [])]
    return {**{to: {"restart": True} for to in implied}, **(raw.get("depends_on") or {})}


def _reached(carrier: Carrier, old: str) -> Iterator[Edge]:
    """The services of ours that a service names, though its file has none of that name: so it waits for them."""
    found: dict[str, str] = {}
    for key, value in carrier.file.services[old]["environment"].items():
        for called in sorted(carrier.reached(key, value)):
            found.setdefault(called, key)
    for called, key in found.items():
        what = f"{called} is a service here, with its own settings and secrets"
        carrier.lost.append(Loss(f"{old}.environment.{key}", what, "changed"))
        yield Edge(called)


def _edges(carrier: Carrier, old: str, raw: dict[str, Any], places: set[str]) -> Iterator[Edge]:
    yield from (Edge(mounts.seeding(place), "completed") for place in sorted(places & carrier.seeds.keys()))
    for to, edge in _needs(raw).items():
        if to not in carrier.names:
            carrier.lost.append(Loss(f"{old}.depends_on.{to}", "not carried", fix=f"one of ours by --map {to}=SERVICE"))
            continue
        condition = CONDITIONS.get((edge or {}).get("condition", ""), "started")
        condition = "healthy" if to in carrier.mapping else condition
        restarts = bool((edge or {}).get("restart"))
        yield Edge(carrier.names[to], condition, (edge or {}).get("required") is False, restarts)


def _deploy(raw: dict[str, Any]) -> dict[str, Any]:
    return raw.get("deploy") or {}


def _resources(raw: dict[str, Any], part: str) -> dict[str, Any]:
    """What `deploy.resources` says of the `limits` or the `reservations`."""
    return (_deploy(raw).get("resources") or {}).get(part) or {}


def _gpu(raw: dict[str, Any]) -> list[str]:
    return ["container-gpu"] if raw.get("gpus") or _resources(raw, "reservations").get("devices") else []
