"""The plan of a request: what a checkout has, as Compose merges it, cut to what is asked for."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from stack.errors import Problem, StackError
from stack.planning import checkouts, interpolation, locks, merging, model, plan, sources
from stack.planning.catalog import FAR
from stack.planning.checkouts import Checkout
from stack.planning.locks import Table
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
    on: str = ""
    places: tuple[str, ...] = ()


class Planned(msgspec.Struct, frozen=True):
    """A plan with what it was made from; `env` is what Compose interpolated (no secret in it)."""

    checkout: Checkout
    request: Request
    facts: Facts
    plan: Plan
    env: dict[str, str]
    digest: str
    problems: list[Problem]


def make(root: Path, request: Request, missing: Mapping[str, str] | None = None,
         forced: Mapping[str, str] | None = None) -> Planned:  # fmt: skip
    """The plan of a request. `missing` names services whose image can't be had, with the reason; `forced` gives
    sources that a fallback chose. Writes nothing but the cache.

    Raises StackError with every reason why there is no such plan."""
    return make_from(checkouts.read(root, flags_of(request)), request, missing, forced)


def flags_of(request: Request) -> dict[str, str]:
    """The settings that a request's flags give."""
    return {name: value for name, value in (("BASE_PORT", request.base_port), ("RUN_ON", request.on)) if value}


def make_from(checkout: Checkout, request: Request, missing: Mapping[str, str] | None = None,
              forced: Mapping[str, str] | None = None, table: Table | None = None) -> Planned:  # fmt: skip
    """The plan of a request on a checkout that was read: see `make`. A `table` takes the place of what is locked."""
    named, broad = sources.parse_flags(request.sources, checkout.catalog)
    chosen = {**(forced or {}), **named}
    planned = _plan(checkout, request, chosen, missing or {}, table)
    if broad:
        spread = sources.spread(checkout.catalog, broad, planned.plan.fragments())
        planned = _plan(checkout, request, {**spread, **chosen}, missing or {}, table)
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


def _plan(checkout: Checkout, request: Request, flags: Mapping[str, str], missing: Mapping[str, str],
          table: Table | None = None) -> Planned:  # fmt: skip
    values = checkouts.given(checkout)
    chosen = sources.choose(checkout.catalog, values, flags)
    base_port = int(checkout.settings.value("BASE_PORT"))
    env, assigned = interpolation.environment(checkout, chosen, base_port)
    files = plan.file_list(checkout.catalog, chosen, checkouts.network(checkout))
    merged, digest = merging.merge(checkout, files, env)
    merged = model.numbered(merged, checkouts.volume_numbers(checkout))
    prefix, table = values.get("REGISTRY_PREFIX", ""), locks.read(checkout.root) if table is None else table
    merged = locks.applied(merged, table, locks.loaded(table, prefix))
    merged = model.mirrored(merged, prefix)
    merged = merged if checkouts.network(checkout) == checkouts.BRIDGE else model.joined(merged)
    merged = model.measured(merged, {name for name, source in chosen.items() if source in FAR})
    project = checkout.settings.value("PROJECT_NAME")
    facts = Facts(checkout.catalog, merged, files, chosen, assigned, project, base_port)
    saved = tuple(name for name in checkouts.saved_profiles(checkout) if name not in request.profiles)
    origin = checkout.settings.origin("STACK_PROFILES")
    selection = Selection(tuple(selected(checkout, request)), request.services, missing, saved, origin)
    return Planned(checkout, request, facts, plan.compute(facts, selection), env, digest, checkout.settings.problems)


def pulled(planned: Planned) -> dict[str, str]:
    """The image of each planned service that is not built here, as the files name it: before any lock or mirror."""
    merged, _ = merging.merge(planned.checkout, planned.facts.files, planned.env)
    services = model.services(merged)
    return {name: image for name in planned.plan.names() if (image := locks.pulled(services[name]))}


def unlocked(planned: Planned) -> list[Problem]:
    """What locks.problems says of a plan. Without a lock, which is the rule, it costs nothing."""
    table = locks.read(planned.checkout.root)
    return locks.problems(pulled(planned).values(), table) if table else []


def selected(checkout: Checkout, request: Request) -> list[str]:
    """The profiles of this run: the saved ones and the flags', or the flags' alone for an exact selection; none
    where single services are asked for."""
    if request.services:
        return list(request.profiles)
    saved = [] if request.exact and request.profiles else checkouts.saved_profiles(checkout)
    return list(dict.fromkeys([*saved, *request.profiles]))


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
    for name, kind in checkouts.declared(checkout, fragment, source).items():
        if kind == "asked" and source not in FAR and not checkout.settings.values().get(name):
            message = f"{fragment} needs {name}, which only you can know"
            problems.append(Problem("unset", message, name, f"./inv env.set {name} VALUE"))
    return list(dict.fromkeys(problems))
