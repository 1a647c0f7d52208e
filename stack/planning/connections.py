"""What a service is told of others while it runs: how each is reached, its password included. It is part of no
configuration, so what comes later makes nobody anew, and no password is made for what is not planned. Pure."""

from collections.abc import Mapping

import msgspec

from stack.planning import assembly, model, plan
from stack.planning.planner import Planned

Told = dict[str, dict[str, str]]
"""Service → variable → value."""


def of(planned: Planned) -> Told:
    """What each planned service is told that mounts its private folder: the `connect` of those among its `connections`
    that are planned, with a token for each secret."""
    services = model.services(planned.facts.model)
    return {name: _told(planned, name) for name in planned.plan.names() if folder(name) in model.binds(services[name])}


def folder(service: str) -> str:
    """Where what a service is told lies, as it mounts it."""
    return assembly.PRIVATE + service


def _told(planned: Planned, service: str) -> dict[str, str]:
    said, names = planned.facts.model.get("x-stack") or {}, planned.plan.names()
    others = [other for other in plan.entry(planned.facts, service).connections if other in names]
    # With another source, an entry may have no `connect`.
    return {variable: value for other in others for variable, value in said[other].get("connect", {}).items()}


def valued(told: Told, secrets: Mapping[str, str]) -> Told:
    """The same with the secrets' values, empty for one that is not set, and with `$` as it is: Compose doubles it."""
    return {
        service: {name: model.TOKEN.sub(lambda token: secrets.get(token[1], ""), value.replace("$$", "$"))
                  for name, value in values.items()}
        for service, values in told.items()
    }  # fmt: skip


def inlined(planned: Planned) -> Planned:
    """The same with what is told as part of the environment, and without anything private that is read from a mount,
    for a project whose plan is fixed."""
    services, told = dict(planned.facts.model["services"]), of(planned)
    for name in planned.plan.names():
        service = services[name]
        mounts = [volume for volume in service.get("volumes") or [] if not _private(volume)]
        if name in told:
            service = {**service, "environment": {**(service.get("environment") or {}), **told[name]}}
        services[name] = {**service, "volumes": mounts} if service.get("volumes") else service
    facts = msgspec.structs.replace(planned.facts, model={**planned.facts.model, "services": services})
    return msgspec.structs.replace(planned, facts=facts)


def _private(volume: dict[str, str]) -> bool:
    return str(volume.get("source")).startswith(assembly.PRIVATE)
