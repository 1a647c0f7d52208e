"""Compose's merge of the catalogue in batches at once: its cost grows with the square of the number of files. What it
says is cut into the part of each fragment, so that of a changed catalogue the changed fragments alone are merged.

Fragments have nothing to do with each other but names, which Compose doesn't look up here. Where that isn't certain
there is no answer, and the caller has Compose merge all files in one go."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from stack.errors import StackError
from stack.planning import model
from stack.planning.catalog import RESOURCES, Catalog
from stack.planning.model import Model

SIZE = 50
"""Fragments in one batch, at most. Compose takes 24 ms to start and 3 for each in one text (joining.py); for each file
of its own it takes 10, and more the more there are. 150 in one batch are hardly faster (benchmarks/run.py plan)."""
FEWEST = 8
"""Fragments for which another core's Compose is worth its start."""


def split(names: Sequence[str]) -> list[list[str]]:
    """The fragments in batches of about the same size: few, but one for each core."""
    count = max(-(-len(names) // SIZE), min(os.cpu_count() or 1, len(names) // FEWEST), 1)
    return [list(names[first::count]) for first in range(count)] if names else []


SHARED = ""
"""In the place of a fragment's name: the files that all share."""


def own(catalog: Catalog, files: Iterable[str]) -> dict[str, list[str]]:
    """The chosen files by the fragment that they are of, in the order of names."""
    of = {path: name for name, fragment in catalog.fragments.items() for path in fragment.paths()}
    found: dict[str, list[str]] = {SHARED: []}
    for path in files:
        found.setdefault(of.get(path, SHARED), []).append(path)
    return dict(sorted(found.items()))


def owners(catalog: Catalog, mine: Mapping[str, list[str]]) -> dict[str, str] | None:
    """What the files of each fragment declare (`services.NAME`, `volumes.NAME`, …), with its name; None where two
    declare the same, or one what all share. `mine` is as `own` gives it."""
    # A layout of the network says of every service where it is.
    shared = {label for path in mine[SHARED] for label in catalog.files[path].declares}
    found = dict.fromkeys(shared, SHARED)
    for name, paths in mine.items():
        for label in {label for path in paths for label in _labels(catalog, path)} if name else ():
            if found.setdefault(label, name) != name:
                return None
    return found


def _labels(catalog: Catalog, path: str) -> list[str]:
    file = catalog.files[path]
    return [*(f"services.{name}" for name in file.services), *file.declares]


def parts(names: Sequence[str], files: Sequence[str], mine: Mapping[str, list[str]], belongs: Mapping[str, str],
          config: Callable[[list[str]], Model]) -> dict[str, Model] | None:  # fmt: skip
    """What each of the fragments `names` gives to the model of `files`, as `config` merges them in batches; `mine` is
    as `own` gives it, `belongs` as `owners` does. None where only all files together can tell."""
    batches = split(names)
    wanted = [{path for name in (SHARED, *batch) for path in mine[name]} for batch in batches]
    try:
        found = _each(config, [[path for path in files if path in paths] for paths in wanted])
    except StackError:
        return None
    return {name: cut(whole, name, belongs) for batch, whole in zip(batches, found, strict=True) for name in batch}


def _each(config: Callable[[list[str]], Model], batches: list[list[str]]) -> list[Model]:
    """Each batch merged, as many at a time as there are cores."""
    if len(batches) < 2:
        return list(map(config, batches))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(config, batches))


def cut(whole: Model, name: str, belongs: Mapping[str, str]) -> Model:
    """A fragment's part of a batch's model: its services, what these use, and nothing that another one declares."""
    services = {key: one for key, one in model.services(whole).items() if belongs.get(f"services.{key}") == name}
    used = [model.references(service) for service in services.values()]
    part: Model = {"services": services}
    for section, value in whole.items():
        if section in RESOURCES:
            wanted = set().union(*(one[section] for one in used))
            part[section] = {key: one for key, one in (value or {}).items()
                             if key in wanted and belongs.get(f"{section}.{key}", name) in (name, SHARED)}  # fmt: skip
        elif section == "x-stack":
            part[section] = {key: one for key, one in value.items() if belongs.get(f"services.{key}", name) == name}
        elif section != "services" and belongs.get(section, name) in (name, SHARED):
            part[section] = value
    return {section: value for section, value in part.items() if value or section not in RESOURCES}


def united(found: Iterable[Model]) -> Model | None:
    """One model of the parts; None where two say different things under one name, or where a service names something
    that none of them declares."""
    whole: Model = {"services": {}}
    for part in found:
        for key, value in part.items():
            if not _taken(whole, key, value):
                return None
    whole = {key: dict(sorted(value.items())) if isinstance(value, dict) else value for key, value in whole.items()}
    return whole if _complete(whole) else None


def _taken(whole: Model, key: str, value: Any) -> bool:
    """Put one top-level entry into the whole; tells whether it goes with what stands there."""
    if not isinstance(value, dict):
        return bool(whole.setdefault(key, value) == value)
    before = whole.setdefault(key, {})
    if not isinstance(before, dict) or any(before[name] != value[name] for name in before.keys() & value.keys()):
        return False
    before.update(value)
    return True


def _complete(whole: Mapping[str, Any]) -> bool:
    """Whether everything that a service names is declared."""
    return all(
        used <= (whole.get(section) or {}).keys()
        for service in whole["services"].values()
        for section, used in model.references(service).items()
    )
