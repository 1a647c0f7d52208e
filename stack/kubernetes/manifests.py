"""All manifests of a project, by the file that each stands in. Pure."""

from collections.abc import Collection, Mapping

import msgspec

from stack.errors import Problem
from stack.kubernetes import carried, mounts, pods, reach, waits, words
from stack.kubernetes.mounts import Files
from stack.kubernetes.pods import Part
from stack.kubernetes.words import NAME, Object, Scope, label, manifest
from stack.planning import model
from stack.planning.model import Model, Service
from stack.planning.plan import Plan
from stack.planning.plan import Service as Planned

Manifests = dict[str, list[Object]]
"""File → objects, in the order in which they are applied."""

BASELINE = frozenset({
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
})  # fmt: skip
"""Capabilities that a namespace of the level baseline lets pods add (kubernetes.io, Pod Security Standards)."""


class Asked(msgspec.Struct, frozen=True):
    """What the manifests are made of, beside project and plan: the ports of each service that something names, the
    gateway's name, its port inside and where browsers reach it, and the mesh, if any."""

    ports: Mapping[str, list[int]]
    gateway: str
    inside: int
    scheme: str
    host: str
    mesh: str = ""


def problems(project: Model, plan: Plan, files: Files, sources: Mapping[str, Collection[str]]) -> list[Problem]:
    """All that can't be carried: with any of it there are no manifests. `sources` are those that each fragment has."""
    return carried.problems(project, plan, files, sources)


def of(project: Model, plan: Plan, files: Files, asked: Asked) -> Manifests:
    """The manifests of a project that has no problem. `files` are the bytes of what it mounts."""
    services: dict[str, Service] = project["services"]
    scope = Scope(label(plan.project), asked.mesh)
    objects: dict[str, str] = {}
    made: Manifests = {}
    shared = mounts.together(services)
    # In their order, as the name of a job has the digest of what it does, and what waits for it has that name.
    for planned in plan.services:
        if carried.home(services[planned.name]):
            continue
        parts = _parts(scope, planned, plan, services, files)
        own = _service(scope, parts, asked, objects, shared)
        for part in parts:
            objects[part.planned.name] = f"{own[-1]['kind'].lower()}/{own[-1]['metadata']['name']}"
        made[f"services/{planned.name}.yaml"] = own
    first: Manifests = {"namespace.yaml": [_namespace(scope, services)]}
    if waits.any_of(one["spec"]["template"]["spec"] for own in made.values() for one in own if _works(one)):
        first["waits.yaml"] = waits.account(scope)
    volumes = [name for name, volume in (project.get("volumes") or {}).items() if not (volume or {}).get("external")]
    if volumes:
        first["volumes.yaml"] = mounts.claims(scope, volumes)
    first["networks.yaml"] = reach.policies(scope, services, asked.gateway, asked.inside)
    if asked.gateway in services:
        made["ingress.yaml"] = reach.ingress(scope, asked.gateway, asked.inside, asked.host, asked.scheme == "https")
    return {**first, **made}


def _works(one: Object) -> bool:
    return one["kind"] in {"Deployment", "StatefulSet", "Job"}


def _parts(scope: Scope, planned: Planned, plan: Plan, services: Mapping[str, Service], files: Files) -> list[Part]:
    """A service, and those in its network."""
    beside = [one for one in plan.services if carried.home(services[one.name]) == planned.name]
    return [Part(one, services[one.name], mounts.of(scope, one.name, services[one.name], files, one is not planned))
            for one in (planned, *beside)]  # fmt: skip


def _service(scope: Scope, parts: list[Part], asked: Asked, objects: Mapping[str, str],
             shared: Mapping[str, list[str]]) -> list[Object]:  # fmt: skip
    """What one service is, its workload last. `shared` are the volumes of each that pods of others mount too."""
    planned, service = parts[0].planned, parts[0].service
    maps = [one for part in parts for one in part.made.maps]
    volumes = sorted({volume for part in parts for volume in shared[part.planned.name]})
    template = pods.template(scope, parts, objects, volumes)
    if planned.one_shot:
        return [*maps, _job(scope, planned, template)]
    named = {(port, "tcp") for part in parts for port in asked.ports.get(part.planned.name, [])}
    ports = sorted({port for part in parts for port in pods.ports(part.service)} | named)
    return [*maps, *reach.services(scope, planned.name, service, ports), _runs(scope, parts, template)]


def _job(scope: Scope, planned: Planned, template: Object) -> Object:
    """A one-shot. What a Job does can't be changed, so another one has another name, and runs; the same one does not
    run again. It stays once it is done, as others wait for it by its name."""
    template = {**template, "spec": {"restartPolicy": "Never", **template["spec"]}}
    name = words.digested(planned.name, template)
    return manifest("batch/v1", "Job", scope, name, planned.name, spec={"backoffLimit": 6, "template": template})


def _runs(scope: Scope, parts: list[Part], template: Object) -> Object:
    """What keeps running: with a volume it writes to, a StatefulSet, which never has two of one pod; else a Deployment,
    whose new pods are ready before old ones go."""
    planned = parts[0].planned
    spec: Object = {"replicas": planned.containers, "selector": {"matchLabels": {NAME: planned.name}}}
    if any(mounts.written(part.service) for part in parts):
        spec = {"serviceName": planned.name, **spec, "template": template}
        return manifest("apps/v1", "StatefulSet", scope, planned.name, spec=spec)
    update = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    spec = {**spec, "strategy": update, "template": template}
    return manifest("apps/v1", "Deployment", scope, planned.name, spec=spec)


def _namespace(scope: Scope, services: Mapping[str, Service]) -> Object:
    added = {one.upper().removeprefix("CAP_") for service in services.values() for one in service.get("cap_add") or []}
    level = "baseline" if added <= BASELINE else "privileged"
    labels = {"pod-security.kubernetes.io/enforce": level, "pod-security.kubernetes.io/warn": level}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": scope.namespace, "labels": labels}}


def kustomization(manifests: Manifests, built: Mapping[str, str]) -> Object:
    """kustomization.yaml: every file, and the images that are built here, each to be had in a registry."""
    images = [{"name": name, "newName": name, "newTag": tag} for name, tag in sorted(built.items())]
    return {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": list(manifests),
            **({"images": images} if images else {})}  # fmt: skip


def built(project: Model) -> dict[str, str]:
    """The images that are built here, by name, with their tag."""
    images = [service["image"] for service in model.services(project).values() if service.get("build")]
    return {name: tag or "latest" for name, tag in (_named(image) for image in images)}


def _named(image: str) -> tuple[str, str]:
    name, _, tag = image.rpartition(":")
    return (name, tag) if name and "/" not in tag else (image, "")
