"""The catalogue as Compose merges it, kept in .stack/cache under the digest of all that it was made from."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from stack import docker, tree
from stack.errors import StackError
from stack.planning import batches, reads
from stack.planning.checkouts import Checkout
from stack.planning.model import Model


def merge(checkout: Checkout, files: list[str], env: Mapping[str, str]) -> tuple[Model, str]:
    """Compose's own merge of `files`, interpolated with `env`, and the digest of all its inputs.

    Raises StackError with what Compose refuses, and where that stands."""
    key = _key(checkout, files, env)
    return _kept(checkout.root, key, lambda: _asked(checkout, files, env)), key[:16]


def _key(checkout: Checkout, files: list[str], env: Mapping[str, str]) -> str:
    """The digest of all that a merge is made from."""
    read = [name.encode() for file in checkout.catalog.files.values() for name in file.variables]
    around = reads.mentioned(docker.bare_environment(), read)
    return tree.digest(checkout.digest.encode(), *map(str.encode, files),
                       msgspec.json.encode([sorted(env.items()), sorted(around.items())]),
                       docker.compose_stamp().encode())  # fmt: skip


def _kept(root: Path, key: str, make: Callable[[], Model]) -> Model:
    """The model of this key: the one that is kept, else the one that `make` gives, which is kept from now on."""
    cache = root / tree.GENERATED / "cache" / f"model-{key[:24]}.json"
    found = tree.recall(cache, Model)
    if found is None:
        found = make()
        tree.remember(cache, msgspec.json.encode(found))
    return found


MERGES = 4
"""Merges whose batches are kept. `add-service` makes two, one of them for the documents."""


def _asked(checkout: Checkout, files: list[str], env: Mapping[str, str]) -> Model:
    """The model as Compose gives it: in batches where they tell the same as all files together. What it said of each
    batch is kept for some merges, so that one changed file has one batch asked for."""
    project = checkout.settings.value("PROJECT_NAME")
    cache = checkout.root / tree.GENERATED / "cache" / "batches.json"
    before = tree.recall(cache, dict[str, msgspec.Raw]) or {}
    now: dict[str, msgspec.Raw] = {}

    def config(paths: list[str]) -> Model:
        key = _batch(checkout, paths, env)
        now[key] = before.get(key) or msgspec.Raw(docker.config(checkout.root, paths, env, project).encode())
        found: Model = msgspec.json.decode(now[key])
        return found

    try:
        found = batches.merge(checkout.catalog, files, config) or config(files)
    except StackError as error:
        from stack.planning import blame

        raise blame.located(checkout.root, checkout.catalog, checkout.settings, files, env, error) from None
    latest = itertools.islice({**now, **before}.items(), MERGES * len(now))
    tree.remember(cache, msgspec.json.encode(dict(latest)))
    return found


def _batch(checkout: Checkout, paths: list[str], env: Mapping[str, str]) -> str:
    """The digest of all that the merge of some of the files is made from: their own bytes, those of the files that they
    or others name, and the variables whose name stands in one."""
    beside = checkout.files.keys() - checkout.catalog.files.keys()
    read = {path: checkout.files[path] for path in [*paths, *beside]}
    decisive = reads.mentioned({**docker.bare_environment(), **env}, read.values())
    return tree.digest(*tree.flat(read), *map(str.encode, paths), msgspec.json.encode(sorted(decisive.items())),
                       checkout.settings.value("PROJECT_NAME").encode(), docker.compose_stamp().encode())  # fmt: skip
