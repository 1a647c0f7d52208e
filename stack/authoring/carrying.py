"""Services of somebody's Compose file, as Compose reads it, made one of ours. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import msgspec

from stack.authoring import credentials, fragment, renaming
from stack.authoring.definition import Condition, Definition, Edge, Mount
from stack.env.variables import Reference, pieces
from stack.errors import USAGE, fail
from stack.names import echoed, suggest, variable
from stack.planning import model

Services = Mapping[str, dict[str, Any]]


class File(NamedTuple):
    """A Compose file as Compose resolves it. A service's `environment` is as written, with its variables; all else has
    their values. `values` are what the file's own `.env` and the shell give the variables; `volumes` are its top-level
    ones, `kept` the files that come along, by path."""

    services: Services
    values: Mapping[str, str] = {}
    volumes: Mapping[str, Any] = {}
    kept: Mapping[str, bytes] = {}


class Loss(NamedTuple):
    """What of their file is not as it was there: where in it, what became of it, and of which kind: `lost`, `changed`
    for what has another form here, `usual` for what every service has its place for, `set` for what is to be set."""

    path: str
    what: str
    code: str = "lost"


HOSTS = re.compile(r"HOST|SERVER|ADDR|URL|URI|ENDPOINT|BROKER|NODES|SEEDS|BACKEND|UPSTREAM")
CARRIED = (
    *("entrypoint", "command", "user", "working_dir", "hostname", "platform", "group_add", "cap_add", "cap_drop"),
    *("ulimits", "shm_size", "tmpfs", "init", "stop_grace_period", "stop_signal", "sysctls", "read_only", "tty"),
    *("stdin_open", "expose", "extra_hosts", "healthcheck", "labels"),
)
"""Keys that stand in the fragment as they stand there."""
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
RESOURCES = {
    "cpus": ("limits", "cpus"),
    "pids_limit": ("limits", "pids"),
    "mem_reservation": ("reservations", "memory"),
}
"""The short keys of what stands under `deploy.resources` here: Compose refuses both in one service. The limit of memory
is a setting of ours."""
KNOWN = {"image", "build", "ports", "environment", "volumes", "depends_on", "deploy", "mem_limit", "gpus",
         "restart", "scale", *RESOURCES, *CARRIED, *OURS}  # fmt: skip
EMPTY: tuple[Any, ...] = (None, [], {})
PLAIN: dict[str, tuple[Any, ...]] = {"networks": ({"default": None}, {"default": {}}), "profiles": ([],)}
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
    for name in [service, *mapping] if service else mapping:
        if name not in known:
            hint = suggest(name, known) or f"it has {', '.join(sorted(known))}"
            raise fail("usage", f"the file has no service {echoed(name)}", "--from-compose", hint, USAGE)
    if service:
        return _required(services, service, mapping), service
    chosen = [name for name in known if name not in mapping]
    if not chosen:
        raise fail("usage", "the file has no service to carry", "--from-compose", "another file", USAGE)
    needed = {to for name in chosen for to in services[name].get("depends_on") or {}}
    fronts = [name for name in chosen if name not in needed]
    open_ = [name for name in fronts if services[name].get("ports")]
    return chosen, next(iter(open_ or fronts or chosen))


def _required(services: Services, service: str, mapping: Mapping[str, str]) -> list[str]:
    """A service and all that it depends on, but for that for which one of ours stands in."""
    found, ahead = [service], [service]
    while ahead:
        for to in services[ahead.pop()].get("depends_on") or {}:
            if to in services and to not in found and to not in mapping:
                found.append(to)
                ahead.append(to)
    return found


class _Carrier:
    """What holds for all services of one file: their new names, and the secrets that stand for literals."""

    def __init__(self, file: File, chosen: list[str], main: str, name: str, mapping: Mapping[str, str]) -> None:
        self.file, self.name, self.mapping, self.main = file, name, mapping, main
        self.names = {**mapping, **renaming.companions(name, [old for old in chosen if old != main]), main: name}
        self.hosts = renaming.hosts(file.services, chosen, self.names)
        self.lost: list[Loss] = []
        self.kinds: dict[str, str] = {}
        self.taken = {variable(self.names[old], suffix) for old in chosen for suffix in renaming.RESERVED}
        published = (Definition(self.names[old], ports=_ports(file.services[old])) for old in chosen)
        self.taken |= {port for one in published for port in fragment.port_variables(one)}
        self.awaited = {to for old in chosen for to, edge in (file.services[old].get("depends_on") or {}).items()
                        if (edge or {}).get("condition") == "service_completed_successfully"}  # fmt: skip
        self.asked: dict[str, str] = {}
        self.literals: dict[str, str] = {}
        self.shown = b"\n".join(file.kept.values())
        for old in chosen:
            for key, value in file.services[old]["environment"].items():
                self.note(old, key, value)

    def note(self, old: str, key: str, value: str) -> None:
        """Make a secret of ours for a literal credential, and for one that is a variable's default or value."""
        for piece in pieces(value):
            if isinstance(piece, Reference) and credentials.asks(piece.name):
                self.literal(old, piece.name, self.known(piece))
        if credentials.asks(key) and not any(isinstance(piece, Reference) for piece in pieces(value)):
            self.literal(old, key, value)

    def known(self, reference: Reference) -> str:
        """The value that a variable of theirs has, or its default where that is plain text."""
        value = self.file.values.get(reference.name, "")
        argument = reference.argument if reference.operator in ("-", ":-") else ""
        return value or ("" if "$" in argument else argument)

    def literal(self, old: str, key: str, value: str) -> None:
        if not credentials.is_one(value) or value in self.literals:
            return
        if len(value) >= 6 and value.encode() in self.shown:
            self.lost.append(
                Loss(f"{old}.environment.{key}", "stays as it is, as a file that comes along holds it too", "changed")
            )
        elif not (credentials.others(key) and key not in self.file.values and "sk-" not in value):
            self.literals[value] = self.secret(key, value)

    def secret(self, key: str, value: str = "") -> str:
        """The secret of ours for a key."""
        called = self.own(key)
        self.kinds.setdefault(called, credentials.kind(key, value))
        return called

    def own(self, key: str) -> str:
        """A setting of theirs under our name, and never one that has a meaning here."""
        words = re.sub(r"[^A-Z0-9]+", "_", key.upper()).strip("_")
        mine = variable(self.name, "X")[:-1]
        called = words if words.startswith(mine) else mine + words
        return f"{mine}APP_{words}" if called in self.taken else called

    def value(self, key: str, text: str) -> str:
        """A value of the environment: settings and secrets of ours, and hosts under their new names."""
        if text in self.literals and credentials.asks(key):
            return f"${{{self.literals[text]}}}"
        return self.text(key, text)

    def text(self, key: str, text: str) -> str:
        """A text with its variables under our names."""
        if HOSTS.search(key.upper()) and text in self.hosts:
            return self.hosts[text]
        parts = [
            self.reference(key, piece) if isinstance(piece, Reference) else self.plain(key, piece)
            for piece in pieces(text)
        ]
        return renaming.renamed("".join(parts), self.hosts)

    def plain(self, key: str, text: str) -> str:
        """Text without variables: literal credentials become secrets."""
        for literal, called in self.literals.items():
            text = re.sub(rf"(://[^:/@\s]*:){re.escape(literal)}(?=@)", rf"\1${{{called}}}", text)
            if len(literal) >= 12:
                text = text.replace(literal, f"${{{called}}}")
        if found := re.search(r"://[^:/@\s]*:([^@/\s$]+)@", text):
            called = self.secret(f"{key}_PASSWORD")
            self.kinds[called] = "asked"
            text = text.replace(f":{found[1]}@", f":${{{called}}}@")
        return text

    def reference(self, key: str, theirs: Reference) -> str:
        """A variable of theirs as a setting of ours; one that holds a credential as a secret."""
        if credentials.asks(theirs.name) and (secret := self.credential(theirs)):
            return f"${{{secret}}}"
        called, value = self.own(theirs.name), self.file.values.get(theirs.name)
        if theirs.operator in ("+", ":+"):
            return f"${{{called}{theirs.operator}{self.text(key, theirs.argument)}}}"
        if value and not re.search(r"[${}]", value):
            return f"${{{called}:-{self.text(key, value)}}}"
        if theirs.operator in ("?", ":?"):
            # Without a default, which plan asks for by name; `:?` would stop each merge of the catalogue.
            self.asked[called] = theirs.argument
            return f"${{{called}}}"
        return f"${{{called}{theirs.operator or ':-'}{self.text(key, theirs.argument)}}}"

    def credential(self, theirs: Reference) -> str:
        """The secret of ours for a variable that holds one; empty where it is to stay a setting, since the file has a
        default for a credential that somebody else gives out, or it is no credential by its value."""
        value = self.known(theirs)
        if value in self.literals:
            return self.literals[value]
        if value:
            return ""
        secret = self.secret(theirs.name)
        if theirs.operator in ("-", ":-"):
            self.kinds[secret] = "optional"
        return secret

    def deep(self, key: str, value: Any) -> Any:
        """The same for what stands in lists and mappings."""
        if isinstance(value, dict):
            return {k: self.deep(k, v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.deep(key, item) for item in value]
        return self.value(key, value) if isinstance(value, str) else value


def definition(file: File, chosen: list[str], main: str, name: str, mapping: Mapping[str, str],
               ) -> tuple[Definition, list[Loss]]:  # fmt: skip
    """The main service with the others as companions, and all that is not as it was."""
    carrier = _Carrier(file, chosen, main, name, mapping)
    parts = [_one(carrier, old) for old in sorted(chosen, key=lambda old: old != main)]
    carrier.lost += [Loss(*one, "changed") for one in renaming.mentions(file.kept, carrier.hosts)]
    carrier.lost += [Loss(called, f"./inv env.set {called} VALUE {why and f'({why})'}".strip(), "set")
                     for called, why in carrier.asked.items()]  # fmt: skip
    asked = [called for called, kind in carrier.kinds.items() if kind == "asked"]
    carrier.lost += [Loss(called, f"./inv env.set {called} VALUE", "set") for called in asked]
    copied = {f"compose/{name}/{PurePosixPath(path)}": data for path, data in file.kept.items()}
    first = msgspec.structs.replace(
        parts[0], secrets=carrier.kinds, companions=parts[1:], files=copied, sources=_gpu(file.services[main])
    )
    return first, carrier.lost


def _one(carrier: _Carrier, old: str) -> Definition:
    raw, name = carrier.file.services[old], carrier.names[old]
    env = {key: carrier.value(key, value) for key, value in raw["environment"].items()}
    extra = {key: carrier.deep(key, raw[key]) for key in CARRIED if raw.get(key) not in EMPTY}
    extra |= _ending(carrier, old, raw) | _reserved(raw) | _in_memory(raw)
    usual = [key for key in OURS if raw.get(key) and raw[key] not in PLAIN.get(key, ())]
    carrier.lost += [Loss(f"{old}.{key}", OURS[key], "usual") for key in usual]
    carrier.lost += [Loss(f"{old}.{key}", "not carried") for key in raw if key not in KNOWN and raw[key] not in EMPTY]
    udp = [port.get("target") for port in raw.get("ports") or [] if not _is_tcp(port)]
    carrier.lost += [Loss(f"{old}.ports", f"{port}/udp is not published") for port in udp]
    carrier.lost += _of_deploy(old, raw, old != carrier.main)
    return Definition(
        name, about=f"{name}, from a Compose file" if name == carrier.name else f"{old} of {carrier.name}",
        image=raw.get("image") or "", build=_build(carrier, old, raw), ports=_ports(raw),
        depends_on=list(_edges(carrier, old, raw)), env=env, volumes=list(_mounts(carrier, old, raw)),
        memory=str(_resources(raw, "limits").get("memory") or raw.get("mem_limit") or ""), replicas=_replicas(raw),
        extra=extra,
    )  # fmt: skip


def _ending(carrier: _Carrier, old: str, raw: dict[str, Any]) -> dict[str, str]:
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
    yield from (Loss(f"{old}.deploy.{key}", "not carried") for key in deploy if deploy[key] and key not in carried)
    if companion and _gpu(raw):
        yield Loss(f"{old}.gpus", "not carried: a companion runs without")


def _in_memory(raw: dict[str, Any]) -> dict[str, list[str]]:
    """The mounts that are memory, beside those that `tmpfs` says."""
    mounts = [volume for volume in raw.get("volumes") or [] if volume.get("type") == "tmpfs"]
    made = [f"{one['target']}:size={size}" if (size := (one.get("tmpfs") or {}).get("size")) else one["target"]
            for one in mounts]  # fmt: skip
    given = raw.get("tmpfs") or []
    return {"tmpfs": [*([given] if isinstance(given, str) else given), *made]} if made else {}


def _replicas(raw: dict[str, Any]) -> int:
    return int(_deploy(raw).get("replicas") or raw.get("scale") or 1)


def _build(carrier: _Carrier, old: str, raw: dict[str, Any]) -> dict[str, Any]:
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
        carrier.lost.append(Loss(f"{old}.build", f"its folder; copy it to {folder}"))
    return {"context": f"./{folder}", **rest}


def _ports(raw: dict[str, Any]) -> list[int]:
    targets = [port.get("target") for port in raw.get("ports") or [] if _is_tcp(port)]
    return list(dict.fromkeys(int(target) for target in targets if str(target).isdecimal()))


def _is_tcp(port: dict[str, Any]) -> bool:
    return bool(port.get("protocol", "tcp") == "tcp")


def _edges(carrier: _Carrier, old: str, raw: dict[str, Any]) -> Iterator[Edge]:
    for to, edge in (raw.get("depends_on") or {}).items():
        if to not in carrier.names:
            carrier.lost.append(Loss(f"{old}.depends_on.{to}", f"name one of ours by --map {to}=SERVICE"))
            continue
        condition = CONDITIONS.get((edge or {}).get("condition", ""), "started")
        condition = "healthy" if to in carrier.mapping else condition
        yield Edge(carrier.names[to], condition, (edge or {}).get("required") is False)


def _mounts(carrier: _Carrier, old: str, raw: dict[str, Any]) -> Iterator[Mount]:
    for volume in raw.get("volumes") or []:
        source, target = volume.get("source") or "", volume.get("target") or ""
        read_only, kind = bool(volume.get("read_only")), volume.get("type")
        if kind == "volume":
            carrier.lost += _of_volume(carrier.file, old, source, volume)
            yield Mount(f"{carrier.name}-{_slug(source) or f'{_slug(old)}-data'}", target, read_only)
        elif kind == "bind" and any(PurePosixPath(path).is_relative_to(source) for path in carrier.file.kept):
            yield Mount(f"./{PurePosixPath('compose', carrier.name, source)}", target, read_only)
        elif kind == "bind" and volume.get("empty"):
            carrier.lost.append(
                Loss(f"{old}.volumes", f"{source} holds nothing yet; a volume takes its place", "changed")
            )
            yield Mount(f"{carrier.name}-{_slug(PurePosixPath(source).name)}", target, read_only)
        elif kind == "bind" and source.startswith("~/"):
            setting = f"{variable(carrier.name, _slug(PurePosixPath(source).name))}_DIR".upper()
            yield Mount(f"${{{setting}:-{source}}}", target, read_only)
        elif kind != "tmpfs":
            carrier.lost.append(Loss(f"{old}.volumes", f"{source}:{target} is a path of that machine"))


def _of_volume(file: File, old: str, source: str, mount: dict[str, Any]) -> Iterator[Loss]:
    """What of a named volume is not carried."""
    defined = file.volumes.get(source) or {}
    lacks = [key for key in defined if key not in ("name", "labels") and defined[key]]
    yield from (Loss(f"volumes.{source}.{key}", "not carried") for key in lacks)
    options = [key for key, on in (mount.get("volume") or {}).items() if on]
    yield from (Loss(f"{old}.volumes", f"{source}: {key} is not carried") for key in options)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")


def _deploy(raw: dict[str, Any]) -> dict[str, Any]:
    return raw.get("deploy") or {}


def _resources(raw: dict[str, Any], part: str) -> dict[str, Any]:
    """What `deploy.resources` says of the `limits` or the `reservations`."""
    return (_deploy(raw).get("resources") or {}).get(part) or {}


def _gpu(raw: dict[str, Any]) -> list[str]:
    return ["container-gpu"] if raw.get("gpus") or _resources(raw, "reservations").get("devices") else []


KINDS = {"lost": "not carried", "changed": "other than there", "set": "set before up"}
"""The kinds of losses that are printed a line each, the worst first, and how the line begins."""


def told(lost: Iterable[Loss]) -> list[str]:
    """The losses as they are printed: a line each, and what is usual in one."""
    every = list(dict.fromkeys(lost))
    lines = [f"{start}: {_line(one)}" for code, start in KINDS.items() for one in every if one.code == code]
    usual = [one.path for one in every if one.code == "usual"]
    return lines + ([f"has its place here already: {', '.join(usual)}"] if usual else [])


def _line(loss: Loss) -> str:
    return loss.what if loss.code == "set" else f"{loss.path}: {loss.what}".removesuffix(": not carried")
