"""A definition as the files of the catalogue: its fragment, and an override for each source. Pure."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from stack.authoring.definition import Definition, Edge
from stack.errors import USAGE, fail
from stack.names import echoed, variable
from stack.planning.assembly import to_yaml

RELEASE = "0.1.0"
LOGGING = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
CONDITIONS = {
    "healthy": "service_healthy",
    "completed": "service_completed_successfully",
    "started": "service_started",
}
PATIENCE = {"interval": "30s", "start_interval": "2s", "timeout": "5s", "retries": 3, "start_period": "60s"}
REFERENCE = re.compile(r"\$\{[A-Z][A-Z0-9_]*(:?-[^}]*)?\}")
"""A setting in a value: it stays one. Any other dollar sign is one to the container too."""


def text(definition: Definition, offsets: Mapping[str, int], connections: Mapping[str, Mapping[str, str]]) -> str:
    """The fragment, companions included. `offsets` are those of the port variables, `connections` says of each service
    what its dependencies are reached by."""
    parts = _parts(definition)
    services = {part.name: _service(part, connections.get(part.name, {})) for part in parts}
    given = {name: setting for part in parts for name, setting in part.given.items()}
    used = f"{services}{[f'${{{setting}}}' for setting in given.values()]}"
    loose = [name for name in definition.secrets if f"${{{name}}}" not in used]
    if loose:
        own = services[definition.name]
        own["environment"] = {**own.get("environment", {}), **{name: f"${{{name}}}" for name in loose}}
    document: dict[str, Any] = {
        "x-stack": {part.name: _entry(part, offsets) for part in parts},
        "services": services,
    }
    volumes = {mount.source for part in parts for mount in part.volumes if mount.source[0] not in "./$"}
    if volumes:
        document["volumes"] = dict.fromkeys(sorted(volumes))
    if given:
        document["secrets"] = {name: {"environment": setting} for name, setting in sorted(given.items())}
    made = "".join(f"# with it: {path} {digest(data)}\n" for path, data in sorted(definition.files.items()))
    return f"# {definition.about}, added by `./inv add-service`; edit it as you like.\n{made}{to_yaml(document)}"


def made_with(body: str) -> dict[str, str]:
    """The files that were made with a fragment, and the digest of each as it was then."""
    return dict(re.findall(r"^# with it: (.+) ([0-9a-f]{16})$", body, re.MULTILINE))


def digest(data: bytes) -> str:
    """A short digest of a file's content."""
    return hashlib.sha256(data).hexdigest()[:16]


def _parts(definition: Definition) -> list[Definition]:
    """The service, and its companions in its profiles."""
    profiles = definition.profiles
    return [definition, *(msgspec.structs.replace(part, profiles=profiles) for part in definition.companions)]


def _entry(definition: Definition, offsets: Mapping[str, int]) -> dict[str, Any]:
    entry: dict[str, Any] = {"about": definition.about}
    if names := port_variables(definition):
        entry["ports"] = {name: offsets[name] for name in names}
    if definition.ports:
        scheme = "http" if definition.health.startswith("http:") or definition.doors else "tcp"
        entry["url"] = f"{scheme}://{definition.name}:{definition.ports[0]}"
    if definition.secrets:
        entry["secrets"] = dict(definition.secrets)
    if definition.doors or definition.health.startswith("http:"):
        entry["page"] = "/"
    return entry


def port_variables(definition: Definition) -> list[str]:
    """The settings of the published ports: MY_SERVICE_PORT, for further ones MY_SERVICE_9090_PORT, and
    MY_SERVICE_53_UDP_PORT for one of UDP whose number none of TCP has."""
    return list(dict.fromkeys(name for _, name in _published(definition)))


def _published(definition: Definition) -> list[tuple[str, str]]:
    """Each published port as Compose writes it, with its setting."""
    words = ["PORT", *(f"{port}_PORT" for port in definition.ports[1:])]
    tcp = {port: variable(definition.name, word) for port, word in zip(definition.ports, words, strict=False)}
    udp = {port: tcp.get(port) or variable(definition.name, f"{port}_UDP_PORT") for port in definition.udp}
    return [*((str(port), name) for port, name in tcp.items()), *((f"{port}/udp", name) for port, name in udp.items())]


def image(definition: Definition) -> str:
    """The image's name: the one given, or that of what is built."""
    return definition.image or f"genai-stack/{definition.name}:{RELEASE}"


def _service(definition: Definition, connections: Mapping[str, str]) -> dict[str, Any]:
    def setting(suffix: str, default: str) -> str:
        return f"${{{variable(definition.name, suffix)}:-{default}}}"

    service: dict[str, Any] = {"image": setting("IMAGE", image(definition))}
    if definition.build:
        service["build"] = definition.build if isinstance(definition.build, dict) else {"context": definition.build}
    service["profiles"] = definition.profiles
    network: Any = {"aliases": definition.aliases} if definition.aliases else None
    service["networks"] = {"backend-bridge-network": network}
    if definition.command:
        service["command"] = definition.command
    if published := _published(definition):
        address = setting("BIND_ADDRESS", "127.0.0.1")
        service["ports"] = [f"{address}:${{{name}}}:{port}" for port, name in published]
    env = {**connections, **definition.env}
    if env:
        service["environment"] = env
    if definition.volumes:
        service["volumes"] = [f"{m.source}:{m.target}{':ro' if m.read_only else ''}" for m in definition.volumes]
    if definition.depends_on:
        service["depends_on"] = {edge.service: _edge(edge) for edge in definition.depends_on}
    if check := healthcheck(definition):
        service["healthcheck"] = check
    service |= {"restart": "unless-stopped", "logging": LOGGING}
    service["deploy"] = {"replicas": setting("SCALE", str(definition.replicas))}
    if definition.memory:
        service["deploy"]["resources"] = {"limits": {"memory": setting("MEMORY", definition.memory)}}
    return merged(service, definition.extra)


def merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """One mapping over another, key by key to any depth."""
    both = {key: merged(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
            for key, value in above.items()}  # fmt: skip
    return {**below, **both}


def literal(value: str) -> str:
    """A value as Compose hands it on unchanged, but for settings (`${NAME}`, `${NAME:-default}`)."""
    parts, at = [], 0
    for found in REFERENCE.finditer(value):
        parts += [value[at : found.start()].replace("$", "$$"), found[0]]
        at = found.end()
    return "".join([*parts, value[at:].replace("$", "$$")])


def _edge(edge: Edge) -> dict[str, Any]:
    said = {"condition": CONDITIONS[edge.condition]}
    return said | ({"required": False} if edge.optional else {}) | ({"restart": True} if edge.restarts else {})


def healthcheck(definition: Definition) -> dict[str, Any]:
    """The check that the words ask for; each tries the tools that images have. Empty where none is asked for.

    Raises StackError for words that mean no check."""
    kind, _, rest = definition.health.partition(":")
    port = definition.ports[0] if definition.ports else 0
    if not definition.health:
        return {}
    if kind == "cmd" and rest:
        return {"test": ["CMD-SHELL", rest.replace("$", "$$")], **PATIENCE}
    if kind == "http" and rest.startswith("/") and port and not re.search(r"[\s'\"$`\\]", rest):
        url = f"http://127.0.0.1:{port}{rest}"
        tries = [f"curl -fsS -o /dev/null {url}", f"wget -q -O /dev/null {url}",
                 f"python3 -c \"from urllib.request import urlopen; urlopen('{url}', timeout=3)\""]  # fmt: skip
        return {"test": ["CMD-SHELL", " || ".join(f"{one} 2>/dev/null" for one in tries)], **PATIENCE}
    if definition.health == "tcp" and port:
        tries = [f"nc -z 127.0.0.1 {port}", f"bash -c '</dev/tcp/127.0.0.1/{port}'",
                 f"python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}), 3)\""]  # fmt: skip
        return {"test": ["CMD-SHELL", " || ".join(f"{one} 2>/dev/null" for one in tries)], **PATIENCE}
    words = "http:/path, cmd:COMMAND or tcp" + ("" if port else "; the first and the last need --port")
    raise fail("usage", f"--health: {echoed(definition.health)} is no check", "--health", words, USAGE)


def gpu(definition: Definition) -> str:
    """The override of the source container-gpu."""
    device = {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    document = {
        "x-stack": {definition.name: {"gpu": "nvidia"}},
        "services": {definition.name: {"deploy": {"resources": {"reservations": {"devices": [device]}}}}},
    }
    return f"# {definition.about} on NVIDIA's GPUs.\n{to_yaml(document)}"
