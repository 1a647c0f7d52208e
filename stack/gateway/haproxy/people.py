"""Who may pass: the consumers of the file with their credentials and groups. Pure."""

import msgspec

from stack.gateway import matching
from stack.gateway.kongfile import Entities, Entity


class Consumer(msgspec.Struct, frozen=True):
    """Somebody who may pass. `number` is how the configuration calls them; `logins` are pairs of name and password."""

    number: int
    name: str
    custom_id: str
    groups: frozenset[str]
    keys: tuple[str, ...]
    logins: tuple[tuple[str, str], ...]


def consumers(found: Entities) -> list[Consumer]:
    """All of a file, in its order."""
    groups = matching.groups(found)
    return [
        Consumer(
            at, str(one.value.get("username") or ""), str(one.value.get("custom_id") or ""),
            frozenset(groups.get(one.path, set())),
            tuple(str(c.value["key"]) for c in _of(found, "keyauth_credentials", one) if c.value.get("key")),
            tuple((str(c.value["username"]), str(c.value["password"]))
                  for c in _of(found, "basicauth_credentials", one) if c.value.get("password")),
        )
        for at, one in enumerate(found["consumers"])
    ]  # fmt: skip


def _of(found: Entities, kind: str, consumer: Entity) -> list[Entity]:
    return [one for one in found[kind] if one.parents.get("consumer") == consumer.path]
