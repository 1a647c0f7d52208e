"""The secrets that a volume keeps from its first start: a fingerprint of each, so that a change can be told.

A database takes its password when its volume is filled; another in `.env` later is refused, and nothing says why."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from stack import docker, tree
from stack.env import secrets
from stack.planning import model, plan
from stack.planning.planner import Planned


class Mark(msgspec.Struct, frozen=True):
    """What one volume was filled with: a fingerprint of each secret under a salt."""

    salt: str
    secrets: dict[str, str]


Record = dict[str, Mark]
"""The marks by the engine's name of the volume."""


class Keeper(msgspec.Struct, frozen=True):
    """A planned service that keeps secrets (name → why), the volumes in which it does, and how the running program is
    given another one (name → the line to type), where it can be."""

    service: str
    secrets: dict[str, str]
    volumes: list[str]
    change: dict[str, str] = {}


def path(root: Path) -> Path:
    """Where the record lies."""
    return root / tree.GENERATED / "record" / "volumes.json"


def read(root: Path) -> Record:
    """The record, empty where there is none that can be read."""
    try:
        return msgspec.json.decode(path(root).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return {}


def keepers(planned: Planned) -> list[Keeper]:
    """The planned services that keep secrets in volumes."""
    found = []
    for service in planned.plan.services:
        entry = plan.entry(planned.facts, service.name)
        volumes = volumes_of(planned, service.name) if entry.kept else []
        found += [Keeper(service.name, entry.kept, volumes, entry.change)] if volumes else []
    return found


def volumes_of(planned: Planned, service: str) -> list[str]:
    """The engine's names of the volumes that a service mounts."""
    declared = planned.facts.model.get("volumes") or {}
    mounted = model.named_volumes(model.services(planned.facts.model)[service])
    return [(declared.get(key) or {}).get("name", key) for key in mounted]


def before(planned: Planned, values: Mapping[str, str]) -> None:
    """Mark the volumes that this start will make: they will keep what the secrets are now."""
    wanted = keepers(planned)
    if wanted:
        there = docker.volumes()
        _mark(planned.checkout.root, wanted, values, lambda volume, _: volume not in there)


def after(planned: Planned, values: Mapping[str, str]) -> None:
    """Mark the volumes that were there before they were ever marked, once a start has shown that they open."""
    _mark(planned.checkout.root, keepers(planned), values, lambda volume, record: volume not in record)


def renew(root: Path, name: str, value: str) -> None:
    """Note that the programs whose volumes keep the secret `name` were given this value."""
    record = read(root)
    made = {
        volume: Mark(mark.salt, {**mark.secrets, name: secrets.fingerprint(value, mark.salt)})
        for volume, mark in record.items() if name in mark.secrets
    }  # fmt: skip
    if made:
        tree.write(path(root), msgspec.json.encode({**record, **made}), 0o600)


def _mark(root: Path, wanted: Iterable[Keeper], values: Mapping[str, str], new: Callable[[str, Record], bool]) -> None:
    record = read(root)
    made = {
        volume: _made(keeper, values) for keeper in wanted for volume in keeper.volumes if new(volume, record)
    }  # fmt: skip
    if made:
        tree.write(path(root), msgspec.json.encode({**record, **made}), 0o600)


def _made(keeper: Keeper, values: Mapping[str, str]) -> Mark:
    import secrets as randomness

    salt = randomness.token_hex(16)
    return Mark(salt, {n: secrets.fingerprint(values[n], salt) for n in sorted(keeper.secrets) if values.get(n)})


def changed(keeper: Keeper, record: Record, values: Mapping[str, str]) -> list[str]:
    """The secrets of a keeper that are no longer what one of its volumes was filled with."""
    marks = [record[volume] for volume in keeper.volumes if volume in record]
    return sorted({
        name for mark in marks for name, print_ in mark.secrets.items()
        if secrets.fingerprint(values.get(name, ""), mark.salt) != print_
    })  # fmt: skip
