"""From files to the plan: reads the checkout, lets Compose merge it, and hands values to the pure modules.

What costs time is kept in .stack/cache under the digest of all that it was made from."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from stack import docker, tree
from stack.env import envfile, settings, variables
from stack.env.settings import Settings
from stack.errors import FAILED, USAGE, Problem, StackError, fail
from stack.names import cut, echoed, suggest, variable
from stack.planning import batches, catalog, model, plan, ports, reads, sources
from stack.planning.catalog import FAR, Catalog
from stack.planning.model import Model
from stack.planning.plan import Facts, Plan, Selection


class Request(msgspec.Struct, frozen=True):
    """What the selection flags say; the same on plan, up and eject."""

    profiles: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    base_port: str = ""
    offline: bool = False
    exact: bool = False
    once: bool = False


class Checkout(msgspec.Struct, frozen=True):
    """The files as read: `.env`, the catalogue, every setting with its layer, and the digest of them all."""

    root: Path
    dotenv: dict[str, str]
    roots: list[str]
    catalog: Catalog
    settings: Settings
    secrets: dict[str, str]
    digest: str


class Planned(msgspec.Struct, frozen=True):
    """A plan with what it was made from; `env` is what Compose interpolated (no secret in it)."""

    checkout: Checkout
    request: Request
    facts: Facts
    plan: Plan
    env: dict[str, str]
    digest: str
    problems: list[Problem]


def read_checkout(root: Path, flags: Mapping[str, str] | None = None, dotenv: dict[str, str] | None = None,
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
    further = reads.followed(root, files, {**dotenv, **shell})
    return Checkout(root, dotenv, roots, found, resolved, secrets, tree.digest(*tree.flat(files | further)))


def _catalog(root: Path, files: Mapping[str, bytes], roots: list[str]) -> Catalog:
    """The catalogue of the files, from the cache where the same bytes were read before."""
    key = tree.digest(_code(), *tree.flat(files))
    cache = root / tree.GENERATED / "cache" / f"catalog-{key[:24]}.json"
    fragments, base = catalog.arrange(files, roots)
    try:
        return Catalog(fragments, msgspec.json.decode(cache.read_bytes(), type=dict[str, catalog.File]), base)
    except (OSError, msgspec.DecodeError):
        pass
    read = _read_files(files)
    found = Catalog(fragments, read, base)
    problems = catalog.check(found) + catalog.orphans(files, {*fragments, base.name})
    if problems:
        raise StackError(problems)
    tree.remember(cache, msgspec.json.encode(read))
    return found


def _code() -> bytes:
    """What changes when the modules that read the files change: an update of this project reads them anew."""
    from stack import yamlfile

    states = [Path(str(module.__file__)).stat() for module in (catalog, variables, yamlfile)]
    return repr([(state.st_size, state.st_mtime_ns) for state in states]).encode()


def _read_files(files: Mapping[str, bytes]) -> dict[str, catalog.File]:
    from stack import yamlfile

    read, problems = {}, []
    for path, data in files.items():
        try:
            text = yamlfile.decode(path, data)
            read[path] = catalog.read_file(path, yamlfile.load(path, text), variables.variables(text))
        except StackError as error:
            problems += error.problems
    if problems:
        raise StackError(problems)
    return read


def _secrets(found: Catalog) -> dict[str, str]:
    """Every secret that any file declares, with its kind."""
    entries = [entry for file in found.files.values() for entry in file.entries.values()]
    return {name: kind for entry in entries for name, kind in entry.get("secrets", {}).items()}


SUFFIXES = ("SOURCE", "SCALE")


def known(found: Catalog) -> set[str]:
    """Every setting's name: what the files read, what they declare, and the project's own. What a service's environment
    names without a value is one by being declared alone."""
    names = set(settings.CORE_DEFAULTS) | set(_secrets(found))
    names |= {name for file in found.files.values() for name in file.variables}
    names |= {name for file in found.files.values() for e in file.entries.values() for name in e.get("settings", {})}
    names |= {variable(name, "SOURCE") for name in found.fragments}
    names |= {variable(name, "SCALE") for name in found.services()}
    return names | {port for file in found.files.values() for e in file.entries.values() for port in e.get("ports", {})}


def make(root: Path, request: Request, missing: Mapping[str, str] | None = None,
         forced: Mapping[str, str] | None = None) -> Planned:  # fmt: skip
    """The plan of a request. `missing` names services whose image can't be had, with the reason; `forced` gives
    sources that a fallback chose. Writes nothing but the cache.

    Raises StackError with every reason why there is no such plan."""
    return make_from(read_checkout(root, flags_of(request)), request, missing, forced)


def flags_of(request: Request) -> dict[str, str]:
    """The settings that a request's flags give."""
    return {"BASE_PORT": request.base_port} if request.base_port else {}


def make_from(checkout: Checkout, request: Request, missing: Mapping[str, str] | None = None,
              forced: Mapping[str, str] | None = None) -> Planned:  # fmt: skip
    """The plan of a request on a checkout that was read: see `make`."""
    named, broad = sources.parse_flags(request.sources, checkout.catalog)
    chosen = {**(forced or {}), **named}
    planned = _plan(checkout, request, chosen, missing or {})
    if broad:
        spread = sources.spread(checkout.catalog, broad, planned.plan.fragments())
        planned = _plan(checkout, request, {**spread, **chosen}, missing or {})
    lacking = unset(planned)
    if lacking:
        raise StackError(lacking)
    return planned


def drafted(checkout: Checkout) -> Planned:
    """The plan of a checkout that was read, whether or not every setting that it needs is there."""
    return _plan(checkout, Request(), {}, {})


def widened(planned: Planned, names: Iterable[str]) -> Planned:
    """The same with what runs beyond the plan (plan.widened); itself where nothing does."""
    wide = plan.widened(planned.facts, planned.plan, names)
    return planned if wide is planned.plan else msgspec.structs.replace(planned, plan=wide)


def narrowed(planned: Planned, names: Iterable[str]) -> Planned:
    """The same for these services and what they need alone."""
    nothing = msgspec.structs.replace(planned.plan, services=[])
    return widened(msgspec.structs.replace(planned, plan=nothing), names)


def _plan(checkout: Checkout, request: Request, flags: Mapping[str, str], missing: Mapping[str, str]) -> Planned:
    values = given(checkout)
    chosen = sources.choose(checkout.catalog, values, flags)
    base_port = int(checkout.settings.value("BASE_PORT"))
    env, assigned = environment(checkout, chosen, base_port)
    files = plan.file_list(checkout.catalog, chosen, network(checkout))
    merged, digest = merge(checkout, files, env)
    merged = model.mirrored(merged, values.get("REGISTRY_PREFIX", ""))
    merged = merged if network(checkout) == BRIDGE else model.joined(merged)
    merged = model.measured(merged, {name for name, source in chosen.items() if source in FAR})
    project = checkout.settings.value("PROJECT_NAME")
    facts = Facts(checkout.catalog, merged, files, chosen, assigned, project, base_port)
    selection = Selection(tuple(selected(checkout, request)), request.services, missing)
    return Planned(checkout, request, facts, plan.compute(facts, selection), env, digest, checkout.settings.problems)


def given(checkout: Checkout) -> dict[str, str]:
    """The settings that differ from a fragment's own defaults, and the project's own: what Compose is told. The
    fragments' defaults stay where they stand, in the files."""
    found = checkout.settings.found
    return {name: value for name, (value, origin) in found.items()
            if origin != settings.DEFAULT or name in settings.CORE_DEFAULTS}  # fmt: skip


def selected(checkout: Checkout, request: Request) -> list[str]:
    """The profiles of this run: the saved ones and the flags', or the flags' alone for an exact selection; none
    where single services are asked for."""
    if request.services:
        return list(request.profiles)
    saved = [] if request.exact and request.profiles else saved_profiles(checkout)
    return list(dict.fromkeys([*saved, *request.profiles]))


def saved_profiles(checkout: Checkout) -> list[str]:
    """STACK_PROFILES, as a list."""
    return checkout.settings.value("STACK_PROFILES").replace(",", " ").split()


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


def far_secrets(checkout: Checkout, chosen: Mapping[str, str]) -> set[str]:
    """The secrets that may be empty: those of services that run elsewhere, which are never generated, and those that
    are optional."""
    return {name for fragment, source in chosen.items() for name, kind in declared(checkout, fragment, source).items()
            if source in FAR or kind == "optional"}  # fmt: skip


def declared(checkout: Checkout, fragment: str, source: str) -> dict[str, str]:
    """The secrets that one fragment declares with this source."""
    files = checkout.catalog.fragments[fragment].files(source)
    entries = [entry for path in files for entry in checkout.catalog.files[path].entries.values()]
    return {name: kind for entry in entries for name, kind in entry.get("secrets", {}).items()}


def environment(checkout: Checkout, chosen: Mapping[str, str], base_port: int) -> tuple[dict[str, str], dict[str, int]]:
    """What Compose interpolates with: settings, ports, scales, and a token for each secret. And the ports."""
    values = given(checkout)
    scaled = _scales(checkout, chosen, values)
    claimed = claims(checkout.catalog, chosen)
    problems = _twice(claimed)
    if problems:
        raise StackError(problems)
    offsets = {claim.variable: claim.offset for claim in claimed}
    empty = {claim.variable: "" for claim in claimed if scaled.get(claim.service, 1) > 1}
    assigned = ports.assign(offsets, base_port, {k: v for k, v in values.items() if k in offsets})
    env = {
        **defaults_elsewhere(checkout),
        **{name: value for name, value in values.items() if name not in checkout.secrets},
    }
    env |= {name: str(port) for name, port in assigned.items()} | empty
    env |= {name: model.token(name) for name in checkout.secrets}
    return env, assigned


def defaults_elsewhere(checkout: Checkout) -> dict[str, str]:
    """The default of each setting that some file reads without one (`${NAME}`) and another with one: it is the
    setting's, wherever that is read. One that refers to other settings holds only where it stands."""
    bare = {
        name for file in checkout.catalog.files.values() for name, default in file.variables.items() if default is None
    }
    found = {name: checkout.settings.value(name) for name in bare if checkout.settings.origin(name) == settings.DEFAULT}
    return {name: value for name, value in found.items() if "$" not in value and name not in checkout.secrets}


class Claim(NamedTuple):
    """A port that a service publishes: the variable that holds it, its offset, and where the fragment says so."""

    variable: str
    offset: int
    service: str
    where: str


def claims(found: Catalog, chosen: Mapping[str, str]) -> list[Claim]:
    """The ports of every service with its chosen source."""
    made = []
    for name, source in chosen.items():
        fragment = found.fragments[name]
        files = fragment.files(source)
        for service in sorted({s for path in files for s in found.files[path].entries}):
            for port, offset in found.entry(service, files).ports.items():
                where = f"{fragment.layers[0]}: x-stack.{service}.ports.{port}"
                made.append(Claim(port, offset, service, where))
    return made


def _twice(claims: list[Claim]) -> list[Problem]:
    """A problem for each variable that two services have, and each offset that two variables have."""
    variables: dict[str, Claim] = {}
    offsets: dict[int, Claim] = {}
    problems = []
    for claim in claims:
        namesake = variables.setdefault(claim.variable, claim)
        other = offsets.setdefault(claim.offset, claim)
        if namesake is not claim:
            message = f"{namesake.service} and {claim.service} both have the port variable {claim.variable}"
            problems.append(Problem("port-variable-twice", message, claim.where, "rename one of the two"))
        elif other is not claim:
            message = f"{other.variable} and {claim.variable} have the same offset {claim.offset}"
            unused = next((n for n in range(21, 100) if n not in {c.offset for c in claims}), None)
            fix = f"give {claim.variable} a free one" + (f", such as {unused}" if unused else "")
            problems.append(Problem("offset-twice", message, claim.where, fix))
    return problems


def _scales(checkout: Checkout, chosen: Mapping[str, str], values: Mapping[str, str]) -> dict[str, int]:
    """The replicas that settings ask for. Raises StackError for a bad number, or a service that can't be scaled."""
    scales, problems = {}, []
    for service in checkout.catalog.services():
        name = variable(service, "SCALE")
        if name not in values:
            continue
        text = values[name]
        fragment = checkout.catalog.fragment_of(service)
        entry = checkout.catalog.entry(service, checkout.catalog.fragments[fragment].files(chosen[fragment]))
        if not (text.isascii() and text.isdecimal() and int(text) > 0):
            fix = f"./inv source --service {fragment} --to disabled" if text == "0" else f"./inv env.set {name} 1"
            problems.append(Problem("scale", f"{name} must be a whole number from 1", name, fix))
        elif int(text) > 1 and not entry.scalable:
            message = f"{service} can't be scaled: {name} is {cut(text)}"
            problems.append(Problem("scale", message, name, f"./inv env.unset {name}"))
        else:
            scales[service] = int(text)
    if problems:
        raise StackError(problems)
    return scales


def unset(planned: Planned) -> list[Problem]:
    """A problem for each variable that a planned service's files read, that has no default, and that is not set;
    and for each secret that only the user can give."""
    every = (problem for fragment in planned.plan.fragments() for problem in unset_of(planned, fragment))
    return list(dict.fromkeys(every))


def unset_of(planned: Planned, fragment: str) -> list[Problem]:
    """The same of one fragment."""
    checkout, problems = planned.checkout, []
    secrets, source = checkout.secrets, planned.facts.sources[fragment]
    for path in checkout.catalog.fragments[fragment].files(source):
        for name, default in checkout.catalog.files[path].variables.items():
            if default is None and name not in secrets and name not in planned.env:
                message = f"{fragment} from {source} needs {name}, which is not set"
                problems.append(Problem("unset", message, path, f"./inv env.set {name} VALUE"))
    for name, kind in declared(checkout, fragment, source).items():
        if kind == "asked" and source not in FAR and not checkout.settings.values().get(name):
            message = f"{fragment} needs {name}, which only you can know"
            problems.append(Problem("unset", message, name, f"./inv env.set {name} VALUE"))
    return list(dict.fromkeys(problems))


def merge(checkout: Checkout, files: list[str], env: Mapping[str, str]) -> tuple[Model, str]:
    """Compose's own merge of `files`, interpolated with `env`; kept under the digest of all its inputs."""
    read = [name.encode() for file in checkout.catalog.files.values() for name in file.variables]
    around = reads.mentioned(docker.bare_environment(), read)
    key = tree.digest(checkout.digest.encode(), *map(str.encode, files),
                      msgspec.json.encode([sorted(env.items()), sorted(around.items())]),
                      docker.compose_stamp().encode())  # fmt: skip
    cache = checkout.root / tree.GENERATED / "cache" / f"model-{key[:24]}.json"
    try:
        return msgspec.json.decode(cache.read_bytes()), key[:16]
    except (OSError, msgspec.DecodeError):
        pass
    project = checkout.settings.value("PROJECT_NAME")

    def config(paths: list[str]) -> Model:
        found: Model = msgspec.json.decode(docker.config(checkout.root, paths, env, project))
        return found

    try:
        merged = batches.merge(checkout.catalog, files, config) or config(files)
    except StackError as error:
        from stack.planning import blame

        raise blame.located(checkout.root, checkout.catalog, checkout.settings, files, env, error) from None
    tree.remember(cache, msgspec.json.encode(merged))
    return merged, key[:16]


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
