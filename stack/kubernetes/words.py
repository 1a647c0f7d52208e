"""Kubernetes' words for ours: names, labels, texts with a dollar, secrets. Pure."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

Object = dict[str, Any]
"""A manifest, or a part of one."""

LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""A name that a Service can have (RFC 1035): services call each other by it, so ours is kept or refused."""
ENTRANCE = "entrance"
"""The Service of the gateway that the Ingress names: with an address of its own, as some controllers need."""
NAME = "app.kubernetes.io/name"
SECRET = "FROM_SECRET_"  # noqa: S105
"""How the variable of a container is called that holds a secret which stands within another text."""
PARTS = re.compile(r"\$\$|\$\{([A-Z][A-Z0-9_]*):([?-])[^}]*\}")
"""In a text of the assembled project: a dollar, or a secret; behind its colon whether there must be one."""


class Scope(msgspec.Struct, frozen=True):
    """What all manifests of a project have in common: its namespace, and the mesh whose proxy the pods get."""

    namespace: str
    mesh: str = ""

    @property
    def secret(self) -> str:
        """The Secret that holds the project's secrets, by their names in .env."""
        return f"{self.namespace}-secrets"


def label(name: str) -> str:
    """The nearest name that an object may have, for what nobody calls by it: a volume, the project."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].rstrip("-") or "x"


def digested(name: str, content: object) -> str:
    """A name with a digest of what stands in it: another content is another object, and what uses it is made anew."""
    digest = hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:8]
    return f"{label(name)[:54]}-{digest}"


def labels(scope: Scope, name: str) -> dict[str, str]:
    """The labels of what belongs to a service."""
    return {NAME: name, "app.kubernetes.io/part-of": scope.namespace}


def manifest(version: str, kind: str, scope: Scope, name: str, service: str = "", **rest: Any) -> Object:
    """An object in the project's namespace."""
    metadata = {"name": name, "namespace": scope.namespace, "labels": labels(scope, service or name)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def text(value: str) -> str:
    """A text of the assembled project as a container's command, argument or variable has it: there too a dollar stands
    twice (kubernetes.io, Define a Command and Arguments for a Container), and a secret is a variable of its own."""
    return PARTS.sub(lambda part: f"$({SECRET}{part[1]})" if part[1] else part[0], value)


def plain(value: str) -> str:
    """The same for what nobody replaces anything in: a dollar stands once."""
    return PARTS.sub(lambda part: part[0] if part[1] else "$", value)


def literal(value: str) -> str:
    """A text of our own in a command: each of its dollars stands twice."""
    return value.replace("$", "$$")


def secrets(value: object) -> dict[str, bool]:
    """The secrets that a value of the assembled project has anywhere, and whether each may be empty."""
    if isinstance(value, str):
        return {part[1]: part[2] == "-" for part in PARTS.finditer(value) if part[1]}
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name: optional for part in parts for name, optional in secrets(part).items()}


def variables(scope: Scope, service: Mapping[str, Any]) -> list[Object]:
    """The variables of a container: a secret by reference, and one that stands within another text by a variable
    before it."""
    environment = {k: str(v) for k, v in (service.get("environment") or {}).items() if v is not None}
    within = {k: v for k, v in environment.items() if not _whole(v)}
    needed = secrets([*within.values(), service.get("command"), service.get("entrypoint")])
    first = [_of_secret(scope, f"{SECRET}{name}", name, needed[name]) for name in sorted(needed)]
    return [*first, *(_variable(scope, name, value) for name, value in environment.items())]


def _whole(value: str) -> re.Match[str] | None:
    found = PARTS.fullmatch(value)
    return found if found and found[1] else None


def _variable(scope: Scope, name: str, value: str) -> Object:
    found = _whole(value)
    return _of_secret(scope, name, found[1], found[2] == "-") if found else {"name": name, "value": text(value)}


def _of_secret(scope: Scope, variable: str, secret: str, optional: bool) -> Object:
    key: Object = {"name": scope.secret, "key": secret, **({"optional": True} if optional else {})}
    return {"name": variable, "valueFrom": {"secretKeyRef": key}}
