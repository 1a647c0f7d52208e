"""Data that a change leaves behind: volumes that a service had at the last `up`, and that nothing planned mounts now.

Each source has volumes of its own, as their files are of different programs. So a service that changes its source finds
none of its data."""

from stack import docker
from stack.errors import Problem
from stack.names import variable
from stack.planning import lastup, model
from stack.planning.catalog import FAR
from stack.planning.lastup import Record
from stack.planning.planner import Planned


def problems(planned: Planned) -> list[Problem]:
    """A warning for each planned service whose data stays behind. Asks the engine only where some may."""
    record = lastup.read(planned.checkout.root)
    left = candidates(planned, record)
    if not left:
        return []
    names = {key: name for name, key in docker.volumes_of(planned.plan.project).items()}
    there = {fragment: [names[key] for key in keys if key in names] for fragment, keys in left.items()}
    return [_problem(planned, record, fragment, volumes) for fragment, volumes in there.items() if volumes]


def candidates(planned: Planned, record: Record) -> dict[str, list[str]]:
    """The volumes (as the files name them) of each planned fragment that the record has and the plan has not; none of
    one that came from elsewhere, which has no data here. Pure."""
    catalog, services = planned.facts.catalog, model.services(planned.facts.model)
    mounted = {key for name in planned.plan.names() for key in model.named_volumes(services[name])}
    known, whole = set(catalog.services()), planned.plan.fragments()
    found: dict[str, list[str]] = {}
    for name, service in record.services.items():
        fragment = catalog.fragment_of(name) if name in known else name
        if fragment in whole and record.sources.get(fragment) not in FAR:
            found.setdefault(fragment, []).extend(k for k in model.named_volumes(service) if k not in mounted)
    return {fragment: sorted(set(keys)) for fragment, keys in found.items() if keys}


def _problem(planned: Planned, record: Record, fragment: str, volumes: list[str]) -> Problem:
    source, before = planned.facts.sources[fragment], record.sources.get(fragment, "")
    services = model.services(planned.facts.model)
    own = [s for s in planned.plan.names() if planned.facts.catalog.fragment_of(s) == fragment]
    declared = planned.facts.model.get("volumes") or {}
    now = sorted({(declared.get(k) or {}).get("name", k) for s in own for k in model.named_volumes(services[s])})
    then = f"it has {', '.join(now)}" if now else "it has no volume here"
    message = f"{fragment}: the data that it had stays behind in {', '.join(volumes)}; from {source} {then}"
    back = f"./inv source --service {fragment} --to {before}"
    fix = back if before and before != source else f"docker volume inspect {volumes[0]}"
    return Problem("left-behind", message, variable(fragment, "SOURCE"), fix)
