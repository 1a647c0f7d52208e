"""What a pod mounts: files of ours as ConfigMaps, named volumes as claims, what lies in memory. Pure."""

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from stack.kubernetes.words import Object, Scope, digested, label, literal, manifest
from stack.planning import model
from stack.planning.model import Service


class File(msgspec.Struct, frozen=True):
    """A mounted file: its bytes, and whether it may be run."""

    data: bytes
    executable: bool = False


Files = Mapping[str, Mapping[str, File]]
"""What each bind of the project has: by its path, the files below it; of a file itself, by "" alone."""

CONFIG = "configs:"
"""How the path of what is a config of Compose begins; one with a secret in it has no file."""
LARGEST = 1_000_000
"""Bytes that a ConfigMap may hold, a little less than the 1 MiB of the documentation (kubernetes.io, ConfigMaps)."""
STORAGE = "10Gi"
"""What each claim asks for. Compose's volumes have no size: it is to be set in volumes.yaml."""
INSIDE = "files"
"""The folder of a claim that is mounted: a fresh file system has a lost+found, which databases refuse beside them."""
FILLED = "/volumes"
FILL = """\
for at in "$@"; do
    to=/volumes$at
    test -d "$at" && test -z "$(ls -A "$to")" || continue
    cp -a "$at/." "$to/"
done
"""
"""What Docker does with an empty volume, and Kubernetes does not: it gets what the image has there, with its owner and
mode (docs.docker.com, Volumes). Without it, whatever is not root could not write to its own."""
MAY_FILL = ("CHOWN", "DAC_OVERRIDE", "FOWNER")


class Mounts(msgspec.Struct, frozen=True):
    """What a service mounts: the pod's volumes, the container's mounts, the ConfigMaps, and what fills its volumes."""

    volumes: list[Object] = []
    mounts: list[Object] = []
    maps: list[Object] = []
    fill: list[Object] = []


def of(scope: Scope, name: str, service: Service, files: Files, apart: bool) -> Mounts:
    """The mounts of a service; `apart` where its pod has volumes of another one too, and names must tell."""
    memory, own = folders(service), f"{name}-" if apart else ""
    binds, private = bound(service), secrets(service)
    maps = [_map(scope, name, number, files[bind["source"]]) for number, bind in enumerate(binds)]
    named = [v for v in service.get("volumes") or [] if v["type"] == "volume" and v.get("source")]
    pairs = enumerate(zip(binds, maps, strict=True))
    kept = [(f"{own}memory-{number}", path, size) for number, (path, size) in enumerate(memory.items())]
    volumes = [
        *(_of_map(f"{own}files-{number}", one, files[bind["source"]]) for number, (bind, one) in pairs),
        *(_claimed(claim) for claim in dict.fromkeys(v["source"] for v in named)),
        *({"name": one, "emptyDir": _in_memory(size)} for one, _, size in kept),
        *({"name": f"{own}secret-{number}", "secret": _of_secret(source)} for number, source in enumerate(private)),
    ]
    mounts = [
        *(_mounted(f"{own}files-{number}", bind, files[bind["source"]]) for number, bind in enumerate(binds)),
        *(_of_claim(v) for v in named),
        *({"name": one, "mountPath": path} for one, path, _ in kept),
        *(
            {"name": f"{own}secret-{number}", "mountPath": path, "subPath": "file", "readOnly": True}
            for number, path in enumerate(private.values())
        ),
    ]
    return Mounts(volumes, mounts, maps, _fill(name, service, [v for v in named if not v.get("read_only")]))


def bound(service: Service) -> list[dict[str, Any]]:
    """What a service mounts by its path, and the configs of Compose, which are the same there."""
    targets = {one["source"]: one.get("target") or f"/{one['source']}" for one in service.get("configs") or []}
    configs = [{"type": "bind", "source": f"{CONFIG}{name}", "target": target, "read_only": True}
               for name, target in targets.items()]  # fmt: skip
    return [*(v for v in service.get("volumes") or [] if v["type"] == "bind"), *configs]


def secrets(service: Service) -> dict[str, str]:
    """The secrets that a service mounts as files, with the path of each (docs.docker.com, Compose: secrets)."""
    targets = {one["source"]: one.get("target") or one["source"] for one in service.get("secrets") or []}
    return {name: path if path.startswith("/") else f"/run/secrets/{path}" for name, path in targets.items()}


def _of_secret(name: str) -> Object:
    return {"secretName": label(name), "items": [{"key": key(name), "path": "file", "mode": 0o444}]}


def folders(service: Service) -> dict[str, int]:
    """What a service has in memory, with its size in bytes, 0 for no limit: tmpfs, and /dev/shm where it has a size of
    its own."""
    return {one.target: one.size for one in model.in_memory(service)}


def _in_memory(size: int) -> Object:
    return {"medium": "Memory", **({"sizeLimit": str(size)} if size else {})}


def claims(scope: Scope, volumes: Iterable[str]) -> list[Object]:
    """The claims of named volumes, each for pods of one node."""
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": STORAGE}}}
    return [manifest("v1", "PersistentVolumeClaim", scope, label(name), spec=asked) for name in volumes]


def written(service: Service) -> list[str]:
    """The named volumes that a service writes to."""
    return [v["source"] for v in service.get("volumes") or []
            if v["type"] == "volume" and v.get("source") and not v.get("read_only")]  # fmt: skip


def together(services: Mapping[str, Service]) -> dict[str, list[str]]:
    """The volumes of each service that pods of others mount too, or more than one of its own: all of these pods are on
    one node then."""
    users: dict[str, int] = {}
    for service in services.values():
        for volume in set(model.named_volumes(service)):
            users[volume] = users.get(volume, 0) + model.replicas(service)
    found = {name: model.named_volumes(service) for name, service in services.items()}
    return {name: sorted({volume for volume in volumes if users[volume] > 1}) for name, volumes in found.items()}


def beside(volumes: Iterable[str]) -> tuple[dict[str, str], Object]:
    """The labels that name shared volumes, and the affinity that keeps pods with one of them on its node. The first is
    bound by no other: a pod that has the label itself may go anywhere (kubernetes.io, Assigning Pods to Nodes)."""
    marks = {f"stack.volume/{label(volume)}"[:63]: "shared" for volume in volumes}
    terms = [{"labelSelector": {"matchLabels": {key: value}}, "topologyKey": "kubernetes.io/hostname"}
             for key, value in marks.items()]  # fmt: skip
    return marks, {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}} if terms else {}


def _map(scope: Scope, name: str, number: int, files: Mapping[str, File]) -> Object:
    data, binary = {}, {}
    for path, file in sorted(files.items()):
        try:
            data[key(path)] = file.data.decode()
        except UnicodeDecodeError:
            binary[key(path)] = base64.b64encode(file.data).decode()
    content: dict[str, Any] = {kind: found for kind, found in (("data", data), ("binaryData", binary)) if found}
    own = digested(f"{name}-files-{number}", content)
    return manifest("v1", "ConfigMap", scope, own, name, **content, immutable=True)


def key(path: str) -> str:
    """The key of a file in its ConfigMap; a file that is mounted by itself has no path."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", path.replace("/", "__")) or "file"


def clashing(files: Mapping[str, File]) -> bool:
    """Whether two files would have the same key, or one of them none that is allowed."""
    keys = [key(path) for path in files]
    return len(set(keys)) < len(keys) or any(one in (".", "..") or len(one) > 253 for one in keys)


def _of_map(name: str, made: Object, files: Mapping[str, File]) -> Object:
    items = [{"key": key(path), "path": path or "file", "mode": 0o555 if file.executable else 0o444}
             for path, file in sorted(files.items())]  # fmt: skip
    return {"name": name, "configMap": {"name": made["metadata"]["name"], "items": items}}


def _mounted(name: str, bind: Mapping[str, Any], files: Mapping[str, File]) -> Object:
    one = {"subPath": "file"} if list(files) == [""] else {}
    return {"name": name, "mountPath": bind["target"], **one, "readOnly": True}


def _claimed(volume: str) -> Object:
    return {"name": _volume(volume), "persistentVolumeClaim": {"claimName": label(volume)}}


def _volume(volume: str) -> str:
    return f"data-{label(volume)}"[:63].rstrip("-")


def _of_claim(v: Mapping[str, Any]) -> Object:
    below = ((v.get("volume") or {}).get("subpath") or "").strip("/")
    path = f"{INSIDE}/{below}" if below else INSIDE
    return {"name": _volume(v["source"]), "mountPath": v["target"], "subPath": path,
            **({"readOnly": True} if v.get("read_only") else {})}  # fmt: skip


def _fill(name: str, service: Service, named: list[dict[str, Any]]) -> list[Object]:
    wanted = [v for v in named if not (v.get("volume") or {}).get("nocopy")]
    if not wanted:
        return []
    return [{
        "name": f"fill-{name}"[:63].rstrip("-"),
        "image": service["image"],
        "command": ["/bin/sh", "-ec", literal(FILL), "fill-volumes", *(v["target"] for v in wanted)],
        "securityContext": {"allowPrivilegeEscalation": False, "runAsUser": 0, "runAsNonRoot": False,
                            "readOnlyRootFilesystem": True,
                            "capabilities": {"drop": ["ALL"], "add": list(MAY_FILL)}},
        "resources": {"requests": {"memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [{**_of_claim(v), "mountPath": f"{FILLED}{v['target']}"} for v in wanted],
    }]  # fmt: skip
