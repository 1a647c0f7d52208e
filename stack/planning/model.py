"""Compose's merged output, as values. Pure: reads what `docker compose config --format json` printed."""

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from stack.planning.graph import Edge

Model = dict[str, Any]
Service = dict[str, Any]

TOKEN = re.compile(r"__S_([A-Z][A-Z0-9_]*?)__")
"""A secret's place in the merged model: its value is never given to the merge."""


def token(name: str) -> str:
    """What stands for the secret `name` while Compose merges and interpolates."""
    return f"__S_{name}__"


def services(model: Model) -> dict[str, Service]:
    """The services of the model. One dropped by an override (`!reset null`) is not among them, nor what an overlay
    says of its networks."""
    found = (model.get("services") or {}).items()
    return {name: service for name, service in found if service and not _only_networks(service)}


def _only_networks(service: Service) -> bool:
    return service.get("networks") is not None and all(
        value is None for key, value in service.items() if key != "networks"
    )


def edges(model: Model) -> dict[str, dict[str, Edge]]:
    """Every `depends_on` of the model."""
    return {
        name: {
            target: Edge(raw.get("condition", "service_started"), raw.get("required", True))
            for target, raw in (service.get("depends_on") or {}).items()
        }
        for name, service in services(model).items()
    }


def one_shot(service: Service) -> bool:
    """Whether a service is a job that ends: its restart policy says so."""
    return service.get("restart") == "no"


def replicas(service: Service) -> int:
    """How many containers the service has."""
    return int((service.get("deploy") or {}).get("replicas", 1))


def memory_bytes(service: Service) -> int | None:
    """The memory limit of one container in bytes, where one is set; 0 means none, to the engine as well."""
    limits = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    return int(limits.get("memory", 0)) or None


def binds(service: Service) -> list[str]:
    """The host paths that the service mounts, as written."""
    return [v["source"] for v in service.get("volumes") or [] if v.get("type") == "bind"]


def named_volumes(service: Service) -> list[str]:
    """The top-level volumes that the service mounts."""
    return [v["source"] for v in service.get("volumes") or [] if v.get("type") == "volume" and v.get("source")]


UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}
OPEN = 0o1777
"""The mode of a mount in memory that says none, so that every user of the container may write there (docs.docker.com,
tmpfs mounts)."""


class Memory(NamedTuple):
    """A mount that is memory: where it is, its size in bytes, 0 for no limit, and its mode."""

    target: str
    size: int
    mode: int = OPEN
    read_only: bool = False


def in_memory(service: Service) -> list[Memory]:
    """What a service has in memory: by `tmpfs`, among its volumes, and /dev/shm where it has a size of its own."""
    short = service.get("tmpfs") or []
    found = [_short(*one.partition(":")[::2]) for one in ([short] if isinstance(short, str) else short)]
    for one in service.get("volumes") or []:
        if one["type"] == "tmpfs":
            own = one.get("tmpfs") or {}
            size, mode = int(own.get("size") or 0), int(own.get("mode") or OPEN)
            found.append(Memory(one["target"], size, mode, bool(one.get("read_only"))))
    shared = int(service.get("shm_size") or 0)
    return [*found, *([Memory("/dev/shm", shared)] if shared else [])]  # noqa: S108


def _short(target: str, options: str) -> Memory:
    words = dict(word.partition("=")[::2] for word in options.lower().split(","))
    size = re.match(r"(\d+)([kmg]?)", words.get("size", ""))
    mode = re.fullmatch(r"[0-7]+", words.get("mode", ""))
    return Memory(
        target, int(size[1]) * UNITS[size[2]] if size else 0, int(mode[0], 8) if mode else OPEN, "ro" in words
    )


def exposed(service: Service) -> set[int]:
    """The container ports that the service publishes, or names under `expose`."""
    ports = {int(port["target"]) for port in service.get("ports") or []}
    for entry in service.get("expose") or []:
        first, _, last = str(entry).partition("/")[0].partition("-")
        ports |= set(range(int(first), int(last or first) + 1))
    return ports


def remote(context: str) -> bool:
    """Whether a build's context is no folder of this machine but a repository that the builder fetches."""
    return "://" in context or context.startswith(("git@", "github.com/"))


def build_secrets(service: Service) -> list[str]:
    """The top-level secrets that the service's build reads."""
    return [s["source"] for s in (service.get("build") or {}).get("secrets") or []]


def references(service: Service) -> dict[str, set[str]]:
    """The top-level networks, volumes, secrets and configs that a service names, by section."""
    own_secrets = {secret["source"] for secret in service.get("secrets") or []}
    return {
        "networks": set(service.get("networks") or {}),
        "volumes": set(named_volumes(service)),
        "secrets": own_secrets | set(build_secrets(service)),
        "configs": {config["source"] for config in service.get("configs") or []},
    }


def secrets_of(value: Any) -> set[str]:
    """The names of the secrets whose token stands anywhere in a value of the model."""
    if isinstance(value, str):
        return set(TOKEN.findall(value))
    if isinstance(value, dict):
        return {name for item in value.values() for name in secrets_of(item)}
    if isinstance(value, list):
        return {name for item in value for name in secrets_of(item)}
    return set()


def joined(model: Model) -> Model:
    """The model with a way from each service to all that it depends on: where the two share no network, it joins those
    of the other. So a layout need not name a service that stands in the middle."""
    found = services(model)
    return {**model, "services": {name: _joined(service, found) for name, service in found.items()}}


def _joined(service: Service, found: dict[str, Service]) -> Service:
    own = service.get("networks") or {}
    others = [found[name].get("networks") or {} for name in service.get("depends_on") or {} if name in found]
    new = {network: None for networks in others if not networks.keys() & own.keys() for network in networks}
    return {**service, "networks": {**own, **new}} if own and new else service


def measured(model: Model, far: Collection[str]) -> Model:
    """The model with a further name, NAME-metrics, for each service whose x-stack entry has `metrics`, unless it is one
    of `far`: an ambassador forwards no measurements, so nobody is to look for them there."""
    entries = model.get("x-stack") or {}
    named = {name: _named(service, f"{name}-metrics") for name, service in services(model).items()
             if entries.get(name, {}).get("metrics") and name not in far}  # fmt: skip
    return {**model, "services": {**(model.get("services") or {}), **named}}


def _named(service: Service, alias: str) -> Service:
    networks = {network: {**(own or {}), "aliases": [*((own or {}).get("aliases") or []), alias]}
                for network, own in (service.get("networks") or {}).items()}  # fmt: skip
    return {**service, "networks": networks}


VOLUMES_LABEL = "stack.volumes"
"""The engine's names of the volumes that took the place of others, of what a service mounts: Compose's config hash has
their keys alone, and a container would stay on what it had before."""


def numbered(model: Model, numbers: Mapping[str, str]) -> Model:
    """The model with other volumes in the place of some: `numbers` has what stands behind the usual name of each, `2`
    for PROJECT_redis-data-2."""
    volumes = model.get("volumes") or {}
    names = {key: f"{(volumes[key] or {}).get('name', key)}-{number}" for key, number in numbers.items()
             if key in volumes}  # fmt: skip
    return placed(model, names) if names else model


def placed(model: Model, names: Mapping[str, str]) -> Model:
    """The model with volumes of these names, by key, in the place of those with the usual ones."""
    volumes = model.get("volumes") or {}
    others = {key: {**(volumes.get(key) or {}), "name": name} for key, name in names.items()}
    told = {name: _mounting(service, names) for name, service in services(model).items()}
    return {**model, "services": {**(model.get("services") or {}), **told}, "volumes": {**volumes, **others}}


def _mounting(service: Service, names: Mapping[str, str]) -> Service:
    """The service with the label that it is to have."""
    mounted = sorted({names[key] for key in named_volumes(service) if key in names})
    labels = {key: value for key, value in (service.get("labels") or {}).items() if key != VOLUMES_LABEL}
    labels |= {VOLUMES_LABEL: ",".join(mounted)} if mounted else {}
    rest = {key: value for key, value in service.items() if key != "labels"}
    return {**rest, "labels": labels} if labels else rest


def mirrored(model: Model, prefix: str) -> Model:
    """The model with every pulled image sent through one mirror: `prefix` takes the place of the registry,
    and Docker Hub's short names get their `library/`. Images built here keep their names; what they are built
    on comes by the mirror as well."""
    if not prefix:
        return model
    return {**model, "services": {name: _by_mirror(s, prefix) for name, s in services(model).items()}}


OWN = "genai-stack/"
"""How the names of the images begin that this project makes itself."""


def _by_mirror(service: Service, prefix: str) -> Service:
    build = service.get("build")
    if not build:
        return {**service, "image": mirror(service["image"], prefix)} if service.get("image") else service
    args = build.get("args") or {}
    below = args.get("BASE_IMAGE") or OWN
    if below.startswith(OWN):
        return service
    return {**service, "build": {**build, "args": {**args, "BASE_IMAGE": mirror(below, prefix)}}}


def mirror(image: str, prefix: str) -> str:
    """`image` as the mirror at `prefix` names it: `redis:7` → `PREFIX/library/redis:7`."""
    head, _, rest = image.partition("/")
    if not rest:
        path = f"library/{image}"
    elif "." in head or ":" in head or head == "localhost":
        path = rest
    else:
        path = image
    return f"{prefix.rstrip('/')}/{path}"
