"""One service of the assembled project as a stack file has it, with the configs and secrets that its files become.
Pure."""

import hashlib
import re
from collections.abc import Mapping

import msgspec

from stack.cluster import limits, placement, words
from stack.cluster.placement import Placement
from stack.planning import model
from stack.planning.model import Memory, Model, Service
from stack.running.contents import File

DIGEST = "stack.digest"
"""A label of each task: the digest of all that its service was made from. Another one is another service."""
FOLDER = "stack.folder"
"""A label of each service: the checkout that started it."""
HOST = "host-network"
GPU = "gpu"
"""The usual name of the generic resource (docs.docker.com, dockerd, node-generic-resource)."""


class Sources(msgspec.Struct, frozen=True):
    """What a stack file is made from, beside the assembled model. `files` has those behind each bind, and behind the
    file of each secret and config of the project; `images` what an image's name is to be, `ids` which image that is.
    `values` are the secrets, which enter digests alone; `fragments` has the fragment of each service."""

    project: str
    folder: str
    files: Mapping[str, list[File]]
    images: Mapping[str, str]
    ids: Mapping[str, str]
    values: Mapping[str, str]
    one_shots: frozenset[str]
    entrances: frozenset[str]
    fragments: Mapping[str, str] = {}
    encrypted: bool = False


def translated(name: str, raw: Service, placed: Placement, sources: Sources, assembled: Model,
               objects: dict[str, dict[str, bytes]]) -> Service:  # fmt: skip
    """A service as a stack file has it, placed; the configs and secrets that it takes are added to `objects`."""
    made: Service = {key: raw[key] for key in words.KEPT if raw.get(key) not in (None, {}, [])}
    made["image"] = sources.images.get(raw["image"], raw["image"])
    if hosts := limits.hosts(raw):
        made["extra_hosts"] = hosts
    volumes, files = _mounts(raw, sources, objects)
    if volumes:
        made["volumes"] = volumes
    for section in ("configs", "secrets"):
        own = [_object(entry, section, assembled, sources, objects) for entry in raw.get(section) or []]
        if entries := [*own, *files[section]]:
            made[section] = entries
    _filed(name, made, sources, objects)
    made["networks"] = _networks(raw)
    if name in sources.entrances and raw.get("ports"):
        made["ports"] = [{"target": int(port["target"]), "published": int(port["published"]), "mode": "host",
                          "protocol": port.get("protocol", "tcp")} for port in raw["ports"]]  # fmt: skip
    made["deploy"] = _deploy(name, raw, placed, sources, stateful=bool(model.named_volumes(raw)))
    return made


WHOLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*):[?-][^}]*\}")
"""A value of the assembled project that is one secret and nothing else."""


def _filed(name: str, made: Service, sources: Sources, objects: dict[str, dict[str, bytes]]) -> None:
    """Take each secret out of a service's environment that its program takes from a file, and give it as a secret."""
    env = dict(made.get("environment") or {})
    for variable, file in ((own, file) for (of, own), file in words.FROM_FILE.items() if of == name and own in env):
        secret = WHOLE.fullmatch(str(env[variable]))
        value = sources.values.get(secret[1]) if secret else None
        if secret and value:
            del env[variable]
            target = f"/run/secrets/{secret[1].lower()}"
            source = _keep(File("", value.encode(), private=True), target, "secrets", sources, objects)
            made["secrets"] = [*(made.get("secrets") or []), {"source": source, "target": target, "mode": 0o444}]
            made["environment"] = env | {file: target}
            env = made["environment"]


def _mounts(raw: Service, sources: Sources,
            objects: dict[str, dict[str, bytes]]) -> tuple[list[Model], dict[str, list[Model]]]:  # fmt: skip
    """The volumes of a service, and the configs and secrets that its files become."""
    volumes: list[Model] = []
    files: dict[str, list[Model]] = {"configs": [], "secrets": []}
    for mount in raw.get("volumes") or []:
        if mount["type"] == "tmpfs":
            continue
        if mount["type"] != "bind":
            volumes.append({k: v for k, v in mount.items() if k != "volume" or v})
            continue
        for file in sources.files.get(mount["source"], []):
            target = f"{mount['target'].rstrip('/')}/{file.path}".rstrip("/")
            section = "secrets" if file.private else "configs"
            name = _keep(file, target, section, sources, objects)
            mode = 0o555 if file.executable else 0o444
            files[section].append({"source": name, "target": target, "mode": mode})
    volumes += map(_memory, model.in_memory(raw))
    return volumes, files


def _memory(one: Memory) -> Model:
    """A mount in memory, of which a stack file knows the size alone."""
    size = {"tmpfs": {"size": one.size}} if one.size else {}
    return {"type": "tmpfs", "target": one.target, **({"read_only": True} if one.read_only else {}), **size}


def closed_memory(raw: Service) -> bool:
    """Whether a service has a mount in memory that not every user of its container is to write to."""
    return any(one.mode != model.OPEN for one in model.in_memory(raw))


def _keep(file: File, target: str, section: str, sources: Sources, objects: dict[str, dict[str, bytes]]) -> str:
    """The name of the config or secret that a file is: with its digest, as none can be changed in place. Swarm takes
    no empty one, so that an empty file has a line's end."""
    data = file.data or b"\n"
    mark = hashlib.sha256(sources.project.encode() + b"\0" + data).hexdigest()[:12]
    stem = "".join(c if c.isalnum() or c in "-." else "-" for c in target.rpartition("/")[2])[:24].strip("-.")
    name = f"{sources.project[:24]}_{stem or 'file'}-{mark}"
    objects[section][name] = data
    return name


def _object(entry: Model, section: str, assembled: Model, sources: Sources,
            objects: dict[str, dict[str, bytes]]) -> Model:  # fmt: skip
    """A config or secret that the service has in Compose's own words."""
    own = (assembled.get(section) or {}).get(entry["source"]) or {}
    kept = {key: entry[key] for key in ("target", "uid", "gid", "mode") if entry.get(key) is not None}
    if "mode" in kept:
        kept["mode"] = int(str(kept["mode"]), 8) if isinstance(kept["mode"], str) else kept["mode"]
    if own.get("external"):
        return {"source": own.get("name") or entry["source"], **kept}
    file = sources.files[f"{section}:{entry['source']}"][0]
    target = kept.get("target") or entry["source"]
    return {"source": _keep(file, target, section, sources, objects), **kept, "target": target}


def _networks(raw: Service) -> Model:
    if raw.get("network_mode") == "host":
        return {HOST: None}
    known = [raw["container_name"]] if raw.get("container_name") else []
    found = {}
    for key, own in (raw.get("networks") or {}).items():
        aliases = [*((own or {}).get("aliases") or []), *known]
        found[key] = {"aliases": list(dict.fromkeys(aliases))} if aliases else None
    return found


def _deploy(name: str, raw: Service, placed: Placement, sources: Sources, stateful: bool) -> Model:
    given = raw.get("deploy") or {}
    where, job = placed.services.get(name), name in sources.one_shots
    replicas = placed.replicas.get(name) or model.replicas(raw)
    made: Model = {"endpoint_mode": "dnsrr", "labels": {**(given.get("labels") or {}), FOLDER: sources.folder}}
    if given.get("mode") == "global":
        made["mode"] = "global"
    else:
        # Not as a job of Swarm's: the tasks and containers of one that has ended stay, also when it is removed (20.10).
        made["mode"] = "replicated"
        made["replicas"] = replicas
    constraints = [*((given.get("placement") or {}).get("constraints") or []), *(where.constraints() if where else [])]
    if constraints:
        made["placement"] = {"constraints": constraints}
    if name in placed.replicas:
        made.setdefault("placement", {})["max_replicas_per_node"] = 1
    if resources := _resources(raw, given.get("resources") or {}, placed.gpu):
        made["resources"] = resources
    made["restart_policy"] = {"condition": "none"} if job else _restart(raw, given)
    if not job:
        first = "stop-first" if stateful or name in sources.entrances else "start-first"
        usual = {"parallelism": 1, "order": first}
        made["update_config"] = {**usual, "failure_action": "rollback", "monitor": "5s",
                                 **(given.get("update_config") or {})}  # fmt: skip
        made["rollback_config"] = {**usual, **(given.get("rollback_config") or {})}
    return made


def _restart(raw: Service, given: Model) -> Model:
    condition, _, tries = (raw.get("restart") or "always").partition(":")
    policy = {"condition": "on-failure" if condition == "on-failure" else "any", "delay": "2s"}
    return {**policy, **({"max_attempts": int(tries)} if tries else {}), **(given.get("restart_policy") or {})}


def _resources(raw: Service, given: Model, gpu: str) -> Model:
    """Limits and reservations; a GPU is a generic resource there, which an engine offers by its own settings under a
    name of its own."""
    made: Model = {}
    limits, reserved = dict(given.get("limits") or {}), dict(given.get("reservations") or {})
    if raw.get("pids_limit"):
        limits["pids"] = int(raw["pids_limit"])
    if str(limits.get("memory", "")) == "0":
        del limits["memory"]
    reserved.pop("devices", None)
    for section, values in (("limits", limits), ("reservations", reserved)):
        shaped = {key: str(value) if key in ("cpus", "memory") else value for key, value in values.items()}
        if shaped:
            made[section] = shaped
    if count := placement.gpus(raw):
        one = {"discrete_resource_spec": {"kind": gpu or GPU, "value": count}}
        made["reservations"] = {**made.get("reservations", {}), "generic_resources": [one]}
    return made
