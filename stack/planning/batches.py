"""Compose's merge of the catalogue in batches at once: its cost grows with the square of the number of files.

Fragments of different batches have nothing to do with each other but names, which Compose doesn't look up here. Where
that isn't certain there is no answer, and the caller has Compose merge all files in one go."""

import os
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from stack.errors import StackError
from stack.planning import model
from stack.planning.catalog import Catalog
from stack.planning.model import Model

SIZE = 8
"""Fragments in one batch, more or less. With fewer, Compose's starts cost more than its merges; with more, a changed
file costs the merge of more: benchmarks/run.py plan."""


def split(names: Collection[str]) -> list[list[str]]:
    """The fragments in batches of about the same size. A fragment's batch follows from its name, so that one which
    comes or goes changes one batch."""
    cut: dict[int, list[str]] = {}
    for name in names:
        cut.setdefault(zlib.crc32(name.encode()) % -(-len(names) // SIZE), []).append(name)
    return list(cut.values())


def merge(catalog: Catalog, files: Iterable[str], config: Callable[[list[str]], Model]) -> Model | None:
    """The model of `files` as `config` merges their batches; None where only all of them together can tell."""
    chosen = list(files)
    batches = split(catalog.fragments)
    own = [_services(catalog, batch, chosen) for batch in batches]
    if len(batches) < 2 or sum(map(len, own)) > len(set().union(*own)):
        return None
    paths = [{path for name in batch for path in catalog.fragments[name].paths()} for batch in batches]
    shared = set(catalog.base.paths())
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            parts = list(pool.map(config, ([p for p in chosen if p in mine or p in shared] for mine in paths)))
        except StackError:
            return None
    return united(zip(parts, own, strict=True))


def _services(catalog: Catalog, batch: Iterable[str], chosen: Iterable[str]) -> set[str]:
    """The services that a batch's chosen files name."""
    paths = {path for name in batch for path in catalog.fragments[name].paths()}
    return {service for path in chosen if path in paths for service in catalog.files[path].services}


def united(parts: Iterable[tuple[Model, set[str]]]) -> Model | None:
    """One model of several, each with the services that it answers for; None where two say different things under
    one name, or where a service names something that none of them declares."""
    whole: Model = {"services": {}}
    for part, own in parts:
        whole["services"] |= {name: service for name, service in model.services(part).items() if name in own}
        for key, value in part.items():
            if key != "services" and not _taken(whole, key, value):
                return None
    whole["services"] = dict(sorted(whole["services"].items()))
    return whole if _complete(whole) else None


def _taken(whole: Model, key: str, value: Any) -> bool:
    """Put one top-level entry into the whole; tells whether it goes with what stands there."""
    before = whole.setdefault(key, value)
    if not (isinstance(before, dict) and isinstance(value, dict)):
        return bool(before == value)
    whole[key] = before | value
    return all(before[name] == value[name] for name in before.keys() & value.keys())


def _complete(whole: Mapping[str, Any]) -> bool:
    """Whether everything that a service names is declared."""
    return all(
        used <= (whole.get(section) or {}).keys()
        for service in whole["services"].values()
        for section, used in model.references(service).items()
    )
