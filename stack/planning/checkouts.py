"""A checkout as it is read: `.env`, the catalogue of fragments, and every setting with its layer.

What a file says is kept in .stack/cache under the digest of all files."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from stack import tree
from stack.env import envfile, public, settings, variables
from stack.env.settings import Settings
from stack.errors import FAILED, USAGE, StackError, fail
from stack.names import echoed, suggest, variable
from stack.planning import catalog, joining, reads
from stack.planning.catalog import FAR, Catalog


class Checkout(msgspec.Struct, frozen=True):
    """The files as read: `.env`, the catalogue, every setting with its layer, the digest of them all, and the bytes of
    each that Compose reads, by path."""

    root: Path
    dotenv: dict[str, str]
    roots: list[str]
    catalog: Catalog
    settings: Settings
    secrets: dict[str, str]
    digest: str
    files: dict[str, bytes] = {}


def read(root: Path, flags: Mapping[str, str] | None = None, dotenv: dict[str, str] | None = None,
         shell: Mapping[str, str] = os.environ, roots: list[str] | None = None) -> Checkout:  # fmt: skip
    """Read and check `.env`, fragments and overrides. `flags` are settings given on the command line; `dotenv`
    takes the place of the file's content, `roots` of what STACK_PATH says.

    Raises StackError with what is wrong in any of them."""
    dotenv = envfile.parse(tree.read(root / ".env")) if dotenv is None else dotenv
    core = settings.resolve(settings.CORE_DEFAULTS, dotenv, shell, {}, settings.CORE_DEFAULTS)
    roots = roots or ["", *core.value("STACK_PATH").replace(",", " ").split()]
    files = tree.find(root, roots)
    found = _catalog(root, files, roots)
    secrets = _secrets(found)
    names = known(found)
    defaults = {k: v for file in found.files.values() for k, v in file.variables.items() if v is not None}
    resolved = settings.resolve({**defaults, **settings.CORE_DEFAULTS}, dotenv, shell, flags or {}, names, secrets)
    problems = settings.check(resolved)
    if problems:
        flagged = all(problem.where.startswith(settings.FLAG) for problem in problems)
        raise StackError(problems, USAGE if flagged else FAILED)
    every = files | reads.followed(root, files, {**dotenv, **shell})
    return Checkout(root, dotenv, roots, found, resolved, secrets, tree.digest(*tree.flat(every)), every)


def _catalog(root: Path, files: Mapping[str, bytes], roots: list[str]) -> Catalog:
    """The catalogue of the files. What each says is kept from the last time that all were fine, under the digest of its
    bytes."""
    code = _code()
    keys = {path: tree.digest(code, path.encode(), data) for path, data in files.items()}
    cache = root / tree.GENERATED / "cache" / "files.json"
    kept = tree.recall(cache, dict[str, catalog.File]) or {}
    new = _read_files({path: data for path, data in files.items() if keys[path] not in kept})
    read = {path: new[path] if path in new else kept[keys[path]] for path in files}
    fragments, base = catalog.arrange(files, roots)
    found = Catalog(fragments, read, base)
    if kept.keys() == set(keys.values()):
        return found
    problems = catalog.check(found) + catalog.orphans(files, {*fragments, base.name})
    if problems:
        raise StackError(problems)
    tree.remember(cache, msgspec.json.encode({keys[path]: file for path, file in read.items()}))
    return found


def _code() -> bytes:
    """What changes when the modules that read the files change: an update of this project reads them anew."""
    from stack import yamlfile

    states = [Path(str(module.__file__)).stat() for module in (catalog, joining, variables, yamlfile)]
    return repr([(state.st_size, state.st_mtime_ns) for state in states]).encode()


def _read_files(files: Mapping[str, bytes]) -> dict[str, catalog.File]:
    from stack import yamlfile

    read, problems = {}, []
    for path, data in files.items():
        try:
            text = yamlfile.decode(path, data)
            file = catalog.read_file(path, yamlfile.load(path, text), variables.variables(text))
            read[path] = msgspec.structs.replace(file, lines=joining.lines(text))
        except StackError as error:
            problems += error.problems
    if problems:
        raise StackError(problems)
    return read


def _secrets(found: Catalog) -> dict[str, str]:
    """Every secret that any file declares, with its kind."""
    entries = [entry for file in found.files.values() for entry in file.entries.values()]
    declared = {name: kind for entry in entries for name, kind in entry.get("secrets", {}).items()}
    return {**settings.SECRETS, **declared}


def known(found: Catalog) -> set[str]:
    """Every setting's name: what the files read, what they declare, and the project's own, without what follows from
    others. What a service's environment names without a value is one by being declared alone."""
    names = set(settings.CORE_DEFAULTS) | set(_secrets(found))
    names |= {name for file in found.files.values() for name in file.variables}
    names |= {name for file in found.files.values() for e in file.entries.values() for name in e.get("settings", {})}
    names |= {variable(name, "SOURCE") for name in found.fragments}
    names |= {variable(name, "SCALE") for name in found.services()}
    names |= {port for file in found.files.values() for e in file.entries.values() for port in e.get("ports", {})}
    return names - public.DERIVED.keys()


def clustered(checkout: Checkout) -> bool:
    """Whether a cluster runs the services, not this machine's engine alone."""
    return checkout.settings.value("RUN_ON") == "swarm"


def given(checkout: Checkout) -> dict[str, str]:
    """The settings that differ from a fragment's own defaults, and the project's own: what Compose is told. The
    fragments' defaults stay where they stand, in the files."""
    found = checkout.settings.found
    return {name: value for name, (value, origin) in found.items()
            if origin != settings.DEFAULT or name in settings.CORE_DEFAULTS}  # fmt: skip


def saved_profiles(checkout: Checkout) -> list[str]:
    """STACK_PROFILES, as a list."""
    return checkout.settings.value("STACK_PROFILES").replace(",", " ").split()


def volume_numbers(checkout: Checkout) -> dict[str, str]:
    """DATA_VOLUMES: for each volume that another took the place of, what stands behind its usual name."""
    return numbers_in(checkout.settings.value("DATA_VOLUMES"))


def numbers_in(text: str) -> dict[str, str]:
    """The same of the setting's text."""
    pairs = (pair.partition("=") for pair in text.replace(",", " ").split())
    return {key: number for key, _, number in pairs}


BRIDGE = "bridge"
"""The network layout that needs no overlay: one network for all."""


def network(checkout: Checkout) -> str:
    """NETWORK. Raises StackError where there is no overlay of that name."""
    chosen, overlays = checkout.settings.value("NETWORK"), sorted(checkout.catalog.base.overrides)
    if chosen not in (BRIDGE, *overlays):
        hint = suggest(chosen, [BRIDGE, *overlays]) or "./inv env.unset NETWORK"
        message = f"there is no network layout {echoed(chosen)}: there are {', '.join([BRIDGE, *overlays])}"
        raise fail("network", message, "NETWORK", hint)
    return chosen


def declared(checkout: Checkout, fragment: str, source: str) -> dict[str, str]:
    """The secrets that one fragment declares with this source."""
    files = checkout.catalog.fragments[fragment].files(source)
    entries = [entry for path in files for entry in checkout.catalog.files[path].entries.values()]
    return {name: kind for entry in entries for name, kind in entry.get("secrets", {}).items()}


def far_secrets(checkout: Checkout, chosen: Mapping[str, str]) -> set[str]:
    """The secrets that may be empty: those of services that run elsewhere, which are never generated, and those that
    are optional."""
    return {name for fragment, source in chosen.items() for name, kind in declared(checkout, fragment, source).items()
            if source in FAR or kind == "optional"}  # fmt: skip


def project_name(root: Path) -> str:
    """PROJECT_NAME from `.env` and the shell alone: it holds even where the fragments, or other lines of `.env`, can't
    be read."""
    data = tree.read(root / ".env")
    dotenv, unread = envfile.read(data)
    if "PROJECT_NAME" in envfile.names(data) - dotenv.keys():
        raise StackError(unread)
    found = settings.resolve(settings.CORE_DEFAULTS, dotenv, os.environ, {}, settings.CORE_DEFAULTS)
    wrong = [p for p in settings.check(found) if "PROJECT_NAME" in p.where]
    if wrong:
        raise StackError(wrong)
    return found.value("PROJECT_NAME")


def own(root: Path, name: str, default: str = "") -> str:
    """One of the project's own settings, without reading the fragments; `default` is that of another one."""
    defaults = {name: default, **settings.CORE_DEFAULTS}
    dotenv = envfile.parse(tree.read(root / ".env"))
    return settings.resolve(defaults, dotenv, os.environ, {}, defaults).value(name)
