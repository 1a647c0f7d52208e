"""The addresses of other services that a service is told, and the networks on which it finds them. Pure."""

import re
from collections.abc import Iterator, Mapping

import msgspec

from stack.planning.model import Model, Service, services

HOST_PORT = re.compile(r"(?<![\w.-])([A-Za-z][A-Za-z0-9._-]*):(\d{1,5})(?![\w.@])")
"""HOST:PORT, in a URL or by itself; what an @ follows is a user and a password."""
HOST_NAMES = frozenset({"host.docker.internal", "gateway.docker.internal", "host.containers.internal"})
"""What Docker and Podman call the machine that they run on."""


class Address(msgspec.Struct, frozen=True):
    """A TCP port of a host, and the variables that name it."""

    host: str
    port: int
    by: tuple[str, ...] = ()


def named(environment: Mapping[str, str | None]) -> list[Address]:
    """Every HOST:PORT in the values, those of URLs and those in a pair X_HOST and X_PORT."""
    found: dict[tuple[str, int], list[str]] = {}
    for variable, value in environment.items():
        for host, port in [*HOST_PORT.findall(str(value or "")), *_pair(variable, environment)]:
            if 0 < int(port) < 65536:
                found.setdefault((host.lower(), int(port)), []).append(variable)
    return [Address(host, port, tuple(dict.fromkeys(by))) for (host, port), by in found.items()]


def _pair(variable: str, environment: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    if variable.endswith("HOST"):
        port = str(environment.get(f"{variable.removesuffix('HOST')}PORT") or "")
        host = str(environment[variable] or "")
        if port.isdecimal() and re.fullmatch(r"[A-Za-z0-9._-]+", host):
            yield host, port


def names(model: Model) -> dict[str, str]:
    """The service that each name leads to: its own, and the further ones that it has on a network."""
    found: dict[str, str] = {}
    for name, service in services(model).items():
        for network in (service.get("networks") or {}).values():
            found |= dict.fromkeys(map(str.lower, (network or {}).get("aliases") or []), name)
    return found | {name: name for name in services(model)}


def networks(model: Model, name: str) -> dict[str, list[str]]:
    """The engine's networks that a service is to be on, each with its names there; none for one in the network of the
    host or of another service."""
    service = services(model)[name]
    if service.get("network_mode"):
        return {}
    declared, own = model.get("networks") or {}, service.get("networks") or {"default": None}
    called = {key: str((declared.get(key) or {}).get("name") or f"{model.get('name', '')}_{key}") for key in own}
    return {called[key]: [name, *((value or {}).get("aliases") or [])] for key, value in own.items()}


def shares(service: Service) -> str:
    """The service in whose network this one stands, where it has none of its own."""
    return str(service.get("network_mode") or "").partition("service:")[2]
