"""Services of somebody's Compose file, as Compose reads it, made one of ours. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from stack.authoring.definition import Condition, Definition, Edge, Mount
from stack.errors import USAGE, fail
from stack.names import suggest, variable

Services = Mapping[str, dict[str, Any]]
SECRET = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ENCRYPTION_?KEY|_PASS$|_SALT$|_KEY$")
THEIRS = re.compile(
    r"OPENAI|ANTHROPIC|GEMINI|GOOGLE|AZURE|AWS|HUGGING|^HF_|GITHUB|GITLAB|SLACK|STRIPE|SMTP|TAVILY|GROQ"
)
"""Names of credentials that somebody else gives out."""
HOSTS = re.compile(r"HOST|SERVER|ADDR|URL|URI|ENDPOINT|BROKER|NODES|SEEDS|BACKEND|UPSTREAM")
NAMED = re.compile(r"(?<!\$)\$(?:\{([A-Za-z_]\w*)(:?[-?+])?([^}]*)\}|([A-Za-z_]\w*))")
"""A variable: braced with what follows its name, or bare."""
CARRIED = (
    *("entrypoint", "command", "user", "working_dir", "hostname", "platform", "group_add", "cap_add", "cap_drop"),
    *("ulimits", "shm_size", "tmpfs", "init", "stop_grace_period", "stop_signal", "sysctls", "read_only", "tty"),
    *("stdin_open", "expose", "extra_hosts", "healthcheck", "cpus"),
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
    "restart": "every service is started again",
}
"""What has its place here already."""
KNOWN = {"image", "build", "ports", "environment", "env_file", "volumes", "depends_on", "deploy", "mem_limit", "gpus",
         "pull_policy", *CARRIED, *OURS}  # fmt: skip
CONDITIONS: dict[str, Condition] = {
    "service_healthy": "healthy",
    "service_completed_successfully": "completed",
    "service_started": "started",
}


def choose(services: Services, service: str, mapping: Mapping[str, str], word: str) -> tuple[list[str], str]:
    """The services to carry, and the main one of them. Raises StackError where that is not clear."""
    known = sorted(services)
    for name in [service, *mapping] if service else mapping:
        if name not in known:
            hint = suggest(name, known) or f"it has {', '.join(known)}"
            raise fail("usage", f"the file has no service {name!r}", "--from-compose", hint, USAGE)
    if service:
        return [service], service
    chosen = [name for name in known if name not in mapping]
    needed = {to for name in chosen for to in services[name].get("depends_on") or {}}
    fronts = [name for name in chosen if name not in needed]
    open_ = [name for name in fronts if services[name].get("ports")]
    best = open_ or fronts or chosen
    if len(best) == 1:
        return chosen, best[0]
    choices = " or ".join(f"--from-compose {word}:{name}" for name in best[:4]) or "another file"
    raise fail("usage", f"{', '.join(best) or 'none'} may be the main service", "--from-compose", choices, USAGE)


class _Carrier:
    """What holds for all services of one file: their new names, and the secrets that stand for literals."""

    def __init__(self, services: Services, chosen: list[str], main: str, name: str, mapping: Mapping[str, str]) -> None:
        self.services, self.name, self.mapping = services, name, mapping
        others = {old: old if old.startswith(f"{name}-") else f"{name}-{old}" for old in chosen if old != main}
        self.names = {**mapping, **others, main: name}
        self.lost: list[str] = []
        self.kinds: dict[str, str] = {}
        self.literals: dict[str, str] = {}
        for one in chosen:
            for key, value in services[one]["environment"].items():
                asks = SECRET.search(key.upper()) and not NAMED.search(value) and _is_secret(value)
                if asks and value not in self.literals:
                    self.literals[value] = self.secret(key, value)

    def secret(self, key: str, value: str = "") -> str:
        """The secret of ours for a key."""
        called = self.own(key)
        self.kinds[called] = _kind(key, value)
        return called

    def own(self, key: str) -> str:
        """A setting of theirs under our name."""
        words = re.sub(r"[^A-Z0-9]+", "_", key.upper()).strip("_")
        mine = variable(self.name, "X")[:-1]
        return words if words.startswith(mine) else mine + words

    def value(self, key: str, text: str) -> str:
        """A value of the environment: settings and secrets of ours, and hosts under their new names."""
        if text in self.literals and SECRET.search(key.upper()):
            return f"${{{self.literals[text]}}}"
        parts, at = [], 0
        for found in NAMED.finditer(text):
            parts += [self.plain(key, text[at : found.start()], at == 0), self.reference(found)]
            at = found.end()
        return "".join([*parts, self.plain(key, text[at:], at == 0)])

    def plain(self, key: str, text: str, whole: bool) -> str:
        """Text without variables: literal credentials become secrets, hosts get their new names."""
        for literal, called in self.literals.items():
            text = re.sub(rf"(://[^:/@\s]*:){re.escape(literal)}(?=@)", rf"\1${{{called}}}", text)
            if len(literal) >= 12:
                text = text.replace(literal, f"${{{called}}}")
        if found := re.search(r"://[^:/@\s]*:([^@/\s$]+)@", text):
            called = self.secret(f"{key}_PASSWORD")
            self.kinds[called] = "asked"
            text = text.replace(f":{found[1]}@", f":${{{called}}}@")
        if whole and HOSTS.search(key.upper()) and text in self.names:
            return self.names[text]
        return renamed(text, self.names)

    def reference(self, found: re.Match[str]) -> str:
        """A variable of theirs as a setting of ours; one that holds a credential as a secret."""
        theirs, operator, default = found[1] or found[4], found[2] or "", found[3] or ""
        if SECRET.search(theirs.upper()):
            return f"${{{self.secret(theirs)}}}"
        if operator.endswith("-"):
            return f"${{{self.own(theirs)}:-{renamed(default, self.names)}}}"
        return f"${{{self.own(theirs)}}}"

    def deep(self, key: str, value: Any) -> Any:
        """The same for what stands in lists and mappings."""
        if isinstance(value, dict):
            return {k: self.deep(k, v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.deep(key, item) for item in value]
        return self.value(key, value) if isinstance(value, str) else value


def definition(services: Services, chosen: list[str], main: str, name: str, mapping: Mapping[str, str],
               files: Mapping[str, bytes]) -> tuple[Definition, list[str]]:  # fmt: skip
    """The main service with the others as companions, and a sentence for each thing that is not carried."""
    carrier = _Carrier(services, chosen, main, name, mapping)
    parts = [_one(carrier, old, files) for old in sorted(chosen, key=lambda old: old != main)]
    copied = {f"compose/{name}/{PurePosixPath(path)}": data for path, data in files.items()}
    first = msgspec.structs.replace(
        parts[0], secrets=carrier.kinds, companions=parts[1:], files=copied, sources=_gpu(services[main])
    )
    return first, carrier.lost


def _one(carrier: _Carrier, old: str, files: Mapping[str, bytes]) -> Definition:
    raw, name = carrier.services[old], carrier.names[old]
    env = {key: carrier.value(key, value) for key, value in raw["environment"].items()}
    extra = {key: carrier.deep(key, raw[key]) for key in CARRIED if raw.get(key) not in (None, [], {})}
    carrier.lost += [f"{old}.{key}: {OURS[key]}" for key in OURS if raw.get(key) and key != "restart"]
    carrier.lost += [f"{old}.{key}: not carried" for key in raw if key not in KNOWN]
    carrier.lost += [f"{old}.ports: {port.get('target')}/udp" for port in raw.get("ports") or [] if not _is_tcp(port)]
    return Definition(
        name, about=f"{name}, from a Compose file" if name == carrier.name else f"{old} of {carrier.name}",
        image=_image(carrier, old, raw), build=_build(carrier, old, raw, files), ports=_ports(raw),
        depends_on=list(_edges(carrier, old, raw)), env=env, volumes=list(_mounts(carrier, old, raw, files)),
        memory=str(_limits(raw).get("memory") or raw.get("mem_limit") or ""), extra=extra,
    )  # fmt: skip


def _is_secret(value: str) -> bool:
    """Whether a value can be one: not empty, a switch, a number or a path."""
    return bool(value) and not re.fullmatch(r"(?i)true|false|yes|no|none|\d{1,5}|\.?/[\w./-]*", value)


def _kind(key: str, value: str) -> str:
    if THEIRS.search(key.upper()):
        return "asked"
    if value.startswith("sk-"):
        return "sk"
    return f"hex:{len(value)}" if re.fullmatch(r"[0-9a-f]{16,128}", value) and len(value) % 2 == 0 else "hex"


def renamed(text: str, names: Mapping[str, str]) -> str:
    """A text with hosts under their new names: after `://`, after a login, between commas, or before a port."""
    for old, new in names.items():
        host = re.escape(old)
        text = re.sub(rf"(://(?:[^/@\s]*@)?){host}(?=[:/,?\s\"']|$)(?![^/\s]*@)", rf"\g<1>{new}", text)
        text = re.sub(rf"(^|[,=\s]){host}(?=:\d)", rf"\g<1>{new}", text)
    return text


def _image(carrier: _Carrier, old: str, raw: dict[str, Any]) -> str:
    def default(found: re.Match[str]) -> str:
        if not found[3] or not (found[2] or "").endswith("-"):
            carrier.lost.append(f"{old}.image: {found[0]} has no default, latest is taken")
            return "latest"
        return found[3]

    return NAMED.sub(default, raw.get("image") or "")


def _build(carrier: _Carrier, old: str, raw: dict[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    build: dict[str, Any] = raw.get("build") or {}
    if not build:
        return {}
    inside = PurePosixPath(build["context"])
    folder = PurePosixPath("compose", carrier.name) / inside
    if not any(PurePosixPath(path).is_relative_to(inside) for path in files):
        carrier.lost.append(f"{old}.build: its folder; copy it to {folder}")
    carrier.lost += [f"{old}.build.{key}: not carried" for key in build if key not in BUILT]
    return {"context": f"./{folder}", **{key: carrier.deep(key, build[key]) for key in BUILT[1:] if build.get(key)}}


def _ports(raw: dict[str, Any]) -> list[int]:
    targets = [port.get("target") for port in raw.get("ports") or [] if _is_tcp(port)]
    return list(dict.fromkeys(int(target) for target in targets if str(target).isdecimal()))


def _is_tcp(port: dict[str, Any]) -> bool:
    return bool(port.get("protocol", "tcp") == "tcp")


def _edges(carrier: _Carrier, old: str, raw: dict[str, Any]) -> Iterator[Edge]:
    for to, edge in (raw.get("depends_on") or {}).items():
        if to not in carrier.names:
            carrier.lost.append(f"{old}.depends_on.{to}: name one of ours by --map {to}=SERVICE")
            continue
        condition = CONDITIONS.get((edge or {}).get("condition", ""), "started")
        condition = "healthy" if to in carrier.mapping else condition
        yield Edge(carrier.names[to], condition, (edge or {}).get("required") is False)


def _mounts(carrier: _Carrier, old: str, raw: dict[str, Any], files: Mapping[str, bytes]) -> Iterator[Mount]:
    for volume in raw.get("volumes") or []:
        source, target = volume.get("source") or "", volume.get("target") or ""
        if volume.get("type") == "volume":
            yield Mount(f"{carrier.name}-{source or f'{old}-data'}", target, bool(volume.get("read_only")))
        elif any(PurePosixPath(path).is_relative_to(source) for path in files):
            inside = PurePosixPath("compose", carrier.name, source)
            yield Mount(f"./{inside}", target, bool(volume.get("read_only")))
        elif volume.get("type") != "tmpfs":
            carrier.lost.append(f"{old}.volumes: {source}:{target} is a path of that machine")


def _limits(raw: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = ((raw.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    return found


def _gpu(raw: dict[str, Any]) -> list[str]:
    devices = ((raw.get("deploy") or {}).get("resources") or {}).get("reservations", {}).get("devices")
    return ["container-gpu"] if raw.get("gpus") or devices else []


def told(lost: Iterable[str]) -> list[str]:
    """The sentences as they are printed."""
    return [f"not carried: {one}" for one in dict.fromkeys(lost)]
