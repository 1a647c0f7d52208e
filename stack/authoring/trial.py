"""Whether the settings still give a plan with a change of `.env`: asked before it is written."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from stack import docker
from stack.env import settings
from stack.errors import Problem, StackError
from stack.names import echoed
from stack.planning import checkouts, kept, planner, saving
from stack.planning.planner import Planned

LAYER = ("compose", "overrides", "kong")
"""What a folder of STACK_PATH has at least one of."""
NO_WORD = frozenset({"compose-missing", "no-engine", "unset"})
"""Problems that say nothing about a value: no Compose to ask, or another setting that is still to come."""


def problems(
    root: Path,
    name: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
    changed: bool = False,
    no_word: Collection[str] = NO_WORD,
) -> list[Problem]:
    """What the change of `name` makes wrong in the settings of `before`; what was wrong already is no reason to refuse
    it, as it may be on the way to mend that. A fix never takes away the value that stands. A secret that was `changed`
    in its program already is no longer what a volume keeps. Problems of the codes in `no_word` do not count."""
    before = settings.sound(before)
    after = {**settings.sound(after), name: after[name]}
    found = _layers(root, after[name]) if name == "STACK_PATH" else []
    found = found or _unusable(root, name, after)
    found = found or ([] if changed else _kept(root, name, before, after)) or _wrong(root, after, no_word)
    if not found:
        return []
    broken = bool(_wrong(root, before, no_word))
    return [_mended(one, name, before) for one in found if not broken or name in f"{one.where} {one.message}"]


def taken_away(root: Path, name: str, before: Mapping[str, str]) -> list[Problem]:
    """A problem where `name` is a secret beside data that was made with it: no start would go on without."""
    planned = _drafted(root, before) if before.get(name) else None
    try:
        return saving.beside_data(planned, name) if planned else []
    except StackError:  # no engine tells of data
        return []


def _wrong(root: Path, dotenv: Mapping[str, str], no_word: Collection[str]) -> list[Problem]:
    """Why these settings give no plan."""
    try:
        planner.drafted(checkouts.read(root, dotenv=dict(dotenv)))
    except StackError as error:
        return [one for one in error.problems if one.code not in no_word]
    return []


def _mended(problem: Problem, name: str, before: Mapping[str, str]) -> Problem:
    """The problem as one of a value that was not saved."""
    mends = rf"env\.unset {name}\b|env\.set {name} (NUMBER|VALUE)|source --service|^$"
    # A file that Compose took with the value of before has no fault, unless it comes with the new one.
    if not re.search(f"{mends}|^edit " if problem.code == "compose" and name != "STACK_PATH" else mends, problem.fix):
        return problem
    stays = "the value that stands is kept" if name in before else "nothing was saved"
    return msgspec.structs.replace(problem, fix=f"give another value: {stays}")


def _layers(root: Path, value: str) -> list[Problem]:
    """A problem for each folder outside the checkout that is no layer."""
    found = []
    for word in value.replace(",", " ").split():
        path = (root / word).resolve()
        if not path.is_relative_to(root.resolve()) and not any((path / part).is_dir() for part in LAYER):
            message = f"STACK_PATH: {echoed(word)} is no folder with compose/, overrides/ or kong/ in it"
            found.append(Problem("setting", message, "STACK_PATH", "./inv env.set STACK_PATH VALUE"))
    return found


def _unusable(root: Path, name: str, after: Mapping[str, str]) -> list[Problem]:
    """A problem where a file of the gateway's certificate can't be used, whatever the other one is."""
    from stack.gateway import certificate

    try:
        return certificate.unusable(root, name, after[name]) if name in certificate.FILES else []
    except StackError as error:
        return error.problems


def _kept(root: Path, name: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[Problem]:
    """A problem where a volume keeps the secret `name` from its first start, and the value is not that one."""
    record = kept.read(root)
    if not any(name in mark.secrets for mark in record.values()):
        return []
    planned = _drafted(root, before)
    there = _volumes() if planned else set()
    found = []
    for keeper in kept.keepers(planned) if planned else []:
        marks = {volume: mark for volume, mark in record.items() if volume in there}
        if name in keeper.secrets and name in kept.changed(keeper, marks, after):
            data = " ".join(volume for volume in keeper.volumes if volume in marks)
            message = f"{name} would not open {data}: {keeper.secrets[name]}"
            gone = f"give the data up: ./inv down && docker volume rm {data}, then ./inv env.set {name} -"
            change = keeper.change.get(name)
            way = f"change it in {keeper.service} first: {change}, then ./inv env.set {name} - --changed"
            fix = f"{way}; or {gone}" if change else f"keep the value; or {gone}"
            found.append(Problem("secret-kept", message, f".env: {name}", fix))
    return found


def _drafted(root: Path, dotenv: Mapping[str, str]) -> Planned | None:
    """The plan of everything, as data may be of a service that is not selected now; None where there is none."""
    try:
        planned = planner.drafted(checkouts.read(root, dotenv=dict(dotenv)))
        return planner.widened(planned, planned.checkout.catalog.services())
    except StackError:
        return None


def _volumes() -> set[str]:
    try:
        return docker.volumes()
    except StackError:
        return set()
