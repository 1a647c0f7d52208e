"""Data that a change leaves behind: volumes that a service had at the last `up`, and that nothing planned mounts now.

Each source has volumes of its own, as their files are of different programs. So a service that changes its source finds
none of its data. Nor does one whose restored volume DATA_VOLUMES no longer names."""

import re
from collections.abc import Mapping

from stack import docker
from stack.errors import Problem
from stack.names import variable
from stack.planning import checkouts, lastup, model
from stack.planning.catalog import FAR
from stack.planning.lastup import Record
from stack.planning.planner import Planned


def problems(planned: Planned) -> list[Problem]:
    """A warning for each planned service whose data stays behind, and for all that would be started empty beside a
    volume that a restore filled."""
    record = lastup.read(planned.checkout.root)
    left, known = candidates(planned, record), docker.volumes_of(planned.plan.project)
    names = {key: name for name, key in known.items()}
    there = {fragment: [names[key] for key in keys if key in names] for fragment, keys in left.items()}
    return [*(_problem(planned, record, fragment, volumes) for fragment, volumes in there.items() if volumes),
            *_unnamed(planned, known)]  # fmt: skip


def _unnamed(planned: Planned, there: Mapping[str, str]) -> list[Problem]:
    """A warning where volumes that the plan names are not `there` (name → key), and others of the same key are."""
    services, declared = model.services(planned.facts.model), planned.facts.model.get("volumes") or {}
    mounted = {key for name in planned.plan.names() for key in model.named_volumes(services[name])}
    used = {key: (declared.get(key) or {}).get("name", key) for key in sorted(mounted)}
    others = {key: max((one for one, of in there.items() if of == key), key=_number)
              for key, name in used.items() if name not in there and key in there.values()}  # fmt: skip
    if not others:
        return []
    numbers = {**checkouts.volume_numbers(planned.checkout), **{key: str(_number(one)) for key, one in others.items()}}
    value = ",".join(f"{key}={number}" for key, number in sorted(numbers.items()) if number != "0")
    fix = f"./inv env.set DATA_VOLUMES {value}" if value else "./inv env.unset DATA_VOLUMES"
    empty, full = ", ".join(used[key] for key in others), ", ".join(others.values())
    message = f"{empty} would be made empty, though {full} {'is' if len(others) == 1 else 'are'} there"
    return [Problem("left-behind", message, "DATA_VOLUMES", fix)]


def _number(volume: str) -> int:
    """The number of a volume that took the place of another; 0 for the usual one."""
    found = re.search(r"-(\d+)$", volume)
    return int(found[1]) if found else 0


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
