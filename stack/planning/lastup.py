"""The record of the last `up`: what was started, so that a plan can say which parts changed since. Secrets stand in
it as fingerprints alone."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from stack import tree
from stack.env import secrets
from stack.planning import changes
from stack.planning.changes import Change
from stack.planning.model import Model

UNTOLD = ["configuration"]
"""What a change is called whose parts are not known."""


class Record(msgspec.Struct, frozen=True):
    """The services as they were assembled, a fingerprint of each secret that any start had, under the record's own
    salt, the source of each fragment that was started, and the volumes that have a driver or options of their own."""

    services: dict[str, Model]
    salt: str
    secrets: dict[str, str]
    sources: dict[str, str] = {}
    special: list[str] = []


def path(root: Path) -> Path:
    """Where the record lies."""
    return root / tree.GENERATED / "record" / "up.json"


def read(root: Path) -> Record:
    """The record, empty where there is none that can be read."""
    try:
        return msgspec.json.decode(path(root).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return Record({}, "", {})


def write(root: Path, services: Mapping[str, Model], values: Mapping[str, str], beyond: Iterable[str] = (),
          sources: Mapping[str, str] | None = None, special: Iterable[str] = ()) -> None:  # fmt: skip
    """Record what is about to be started with these secrets; what runs `beyond` it stays as it was recorded."""
    import secrets as randomness

    last = read(root)
    salt = last.salt or randomness.token_hex(16)
    marks = {name: secrets.fingerprint(value, salt) for name, value in sorted(values.items())}
    older = {name: last.services[name] for name in beyond if name in last.services}
    record = Record({**older, **services}, salt, {**last.secrets, **marks}, {**last.sources, **(sources or {})},
                    sorted({*last.special, *special}))  # fmt: skip
    tree.write(path(root), msgspec.json.encode(record), 0o600)


def parts(record: Record, services: Mapping[str, Model]) -> dict[str, list[str]]:
    """Which parts of each service differ from the record."""
    return {
        name: changes.differing(record.services[name], service)
        for name, service in services.items()
        if name in record.services
    }


def with_secrets(found: Change, record: Record, used: set[str], values: Mapping[str, str]) -> Change:
    """A change of unknown parts told by the secrets that it comes from, where they are the reason."""
    if found.keys != UNTOLD:
        return found
    known = sorted(used & record.secrets.keys() & values.keys())
    changed = [n for n in known if secrets.fingerprint(values[n], record.salt) != record.secrets[n]]
    return msgspec.structs.replace(found, keys=changed or UNTOLD)
