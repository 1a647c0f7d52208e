"""What `up` would do: the plan compared with what runs. Pure."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from stack.docker import Container
from stack.planning.plan import Plan


class Wanted(msgspec.Struct, frozen=True):
    """What the plan says of one service: its config hash (Compose's own), its image's id where it is here, and whether
    there can be several of it."""

    config_hash: str
    image_id: str | None
    one_shot: bool
    containers: int
    scalable: bool = True


class Change(msgspec.Struct, frozen=True):
    """One service's next step: create, recreate, replace, scale, start, unchanged, remove, or beyond (left alone);
    `keys` are the parts of its configuration that differ from the last `up`. What is recreated is away meanwhile;
    what is replaced stays until the new containers are healthy, and `replaces` names those that go then."""

    name: str
    action: str
    keys: list[str] = []
    replaces: list[str] = []


def compare(wanted: Mapping[str, Wanted], running: Iterable[Container], keys: Mapping[str, list[str]],
            exact: bool = False, gone: Collection[str] = ()) -> list[Change]:  # fmt: skip
    """The change of every service that is wanted or that runs. What runs beyond the plan is removed only when
    the selection is exact, or when it is among those that are `gone` with their source."""
    by_service: dict[str, list[Container]] = {}
    for container in running:
        if not container.one_off:
            by_service.setdefault(container.service, []).append(container)
    changes = [_change(name, want, by_service.get(name, []), keys.get(name, [])) for name, want in wanted.items()]
    beyond = sorted(by_service.keys() - wanted.keys())
    return changes + [Change(name, "remove" if exact or name in gone else "beyond") for name in beyond]


def _change(name: str, want: Wanted, have: list[Container], keys: list[str]) -> Change:
    if not have:
        return Change(name, "create")
    if old := [c for c in have if c.config_hash != want.config_hash]:
        return _anew(name, want, have, old, keys or ["configuration"])
    if want.image_id and (old := [c for c in have if c.image_id != want.image_id]):
        return _anew(name, want, have, old, ["image"])
    if len(have) != want.containers:
        return Change(name, "scale", [f"{len(have)} → {want.containers}"])
    return Change(name, "unchanged" if all(_settled(c, want.one_shot) for c in have) else "start")


def _anew(name: str, want: Wanted, have: list[Container], old: list[Container], keys: list[str]) -> Change:
    """Replicas have no host port in common, so new ones can come before the old ones go; where one of those serves,
    they do. A database has a second container only where Compose was killed as it made it anew."""
    several = want.scalable and not want.one_shot and max(len(have), want.containers) > 1
    if several and any(_settled(c, want.one_shot) for c in old):
        return Change(name, "replace", keys, sorted(c.name for c in old))
    return Change(name, "recreate", keys)


def _settled(container: Container, one_shot: bool) -> bool:
    """Whether a container is where the plan wants it: running, or finished with 0 for a one-shot."""
    if one_shot:
        return container.state == "exited" and container.exit_code == 0
    return container.state == "running" and container.health in ("", "healthy")


def differing(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The paths of the values that differ between two configurations of a service, two levels deep."""
    keys = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and not prefix:
            keys += differing(old, new, f"{key}.")
        else:
            keys.append(prefix + key)
    return keys


def nothing_to_do(changes: Iterable[Change]) -> bool:
    """Whether every planned service already is as the plan wants it."""
    return all(change.action in ("unchanged", "beyond") for change in changes)


def finished(plan: Plan, changes: Iterable[Change]) -> set[str]:
    """The planned one-shots that are done and must not run again. One that waits for a service that is made anew
    is not among them: what it did there may be gone."""
    actions = {change.name: change.action for change in changes}
    new = {name for name, action in actions.items() if action in ("create", "recreate", "replace")}
    done = [s for s in plan.services if s.one_shot and actions.get(s.name) == "unchanged"]
    return {service.name for service in done if not new & service.depends_on.keys()}
