"""The catalogue as Compose merges it, kept in .stack/cache under the digest of all that it was made from."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from stack import compose, docker, imports, tree
from stack.errors import StackError
from stack.planning import batches, joining, reads
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
                       compose.stamp().encode())  # fmt: skip


def _kept(root: Path, key: str, make: Callable[[], Model]) -> Model:
    """The model of this key: the one that is kept, else the one that `make` gives, which is kept from now on."""
    cache = root / tree.GENERATED / "cache" / f"model-{key[:24]}.json"
    found = tree.recall(cache, Model)
    if found is None:
        found = make()
        tree.remember(cache, msgspec.json.encode(found))
    return found


MERGES = 4
"""Merges whose parts are kept. `add-service` makes two, one of them for the documents."""


def _asked(checkout: Checkout, files: list[str], env: Mapping[str, str]) -> Model:
    """The model as Compose gives it: by fragment where that tells the same as all files together."""

    def config(paths: list[str], text: str | None = None) -> Model:
        said = compose.config(checkout.root, paths, env, checkout.settings.value("PROJECT_NAME"), text)
        found: Model = msgspec.json.decode(said)
        return found

    try:
        with imports.meanwhile(*imports.TABLES):
            return _by_parts(checkout, files, env, config) or config(files)
    except StackError as error:
        from stack.planning import blame

        raise blame.located(checkout.root, checkout.catalog, checkout.settings, files, env, error) from None


def _by_parts(checkout: Checkout, files: list[str], env: Mapping[str, str],
              config: Callable[[list[str], str | None], Model]) -> Model | None:  # fmt: skip
    """The model from the part of each fragment. These are kept for some merges, so that after a change of one file one
    fragment is asked for. None where only all files together can tell."""
    mine = batches.own(checkout.catalog, files)
    belongs = batches.owners(checkout.catalog, mine)
    if belongs is None:
        return None
    cache = checkout.root / tree.GENERATED / "cache" / "parts.json"
    before = tree.recall(cache, dict[str, msgspec.Raw]) or {}
    keys = _keys(checkout, mine, env)

    def together(paths: list[str]) -> Model:
        return config(*joining.joined(checkout.catalog, paths, mine, checkout.files))

    new = batches.parts([name for name in keys if keys[name] not in before], files, mine, belongs, together)
    if new is None:
        return None
    made = {keys[name]: msgspec.Raw(msgspec.json.encode(part)) for name, part in new.items()}
    now = {key: made.get(key) or before[key] for key in keys.values()}
    latest = itertools.islice({**now, **before}.items(), MERGES * len(now))
    tree.remember(cache, msgspec.json.encode(dict(latest)))
    return batches.united(msgspec.json.decode(part) for part in now.values())


def _keys(checkout: Checkout, mine: Mapping[str, list[str]], env: Mapping[str, str]) -> dict[str, str]:
    """The digest of all that the part of each fragment is made from: the bytes of its files, of those that all share,
    and of those that others name, and the variables whose name stands in one."""
    beside = checkout.files.keys() - checkout.catalog.files.keys()
    shared = tree.flat({path: checkout.files[path] for path in [*mine[batches.SHARED], *beside]})
    around = {**docker.bare_environment(), **env}
    always = [*shared, *map(str.encode, mine[batches.SHARED]), compose.stamp().encode(),
              checkout.settings.value("PROJECT_NAME").encode()]  # fmt: skip
    keys = {}
    for name, paths in mine.items():
        read = [part for path in paths for part in (path.encode(), checkout.files[path])]
        decisive = reads.mentioned(around, [*read, *shared])
        keys[name] = tree.digest(*always, *read, msgspec.json.encode(sorted(decisive.items())))
    return {name: key for name, key in keys.items() if name}
