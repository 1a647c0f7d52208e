"""Which settings come back with a backup: those that the data goes with, and not what is the checkout's own."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from stack import tree
from stack.backup.restoring import Opened
from stack.env import envfile
from stack.planning import checkouts
from stack.planning.planner import Planned

HERE = ("PROJECT_NAME", "BASE_PORT", "BACKUP_DIR", "BACKUP_IMAGE", "BACKUP_PASSPHRASE", "BACKUP_RECIPIENTS",
        "DATA_VOLUMES")  # fmt: skip
"""Settings that are this checkout's own: a backup of another does not change them where they are set."""


def saved(whole: Opened) -> dict[str, str]:
    """The settings that a backup has."""
    return envfile.parse(whole.files.get(".env", b""), "the backup's .env")


def merged(root: Path, whole: Opened) -> bytes:
    """`.env` of the backup, with what is this checkout's own."""
    there, here = saved(whole), envfile.parse(tree.read(root / ".env"))
    kept: dict[str, str | None] = {name: here[name] for name in HERE if name in here}
    kept |= {"DATA_VOLUMES": here.get("DATA_VOLUMES")}
    # Of a backup without secrets, those that are here count.
    kept |= {} if whole.manifest.secrets else {name: value for name, value in here.items() if name not in there}
    return envfile.edit(whole.files.get(".env", b""), kept)


def of(root: Path, whole: Opened) -> dict[str, str]:
    """The same as values."""
    return envfile.parse(merged(root, whole), ".env")


def secrets_of(planned: Planned, services: Iterable[str], whole: Opened) -> dict[str, str]:
    """The secrets of services that a backup has, which their data asks for."""
    there = saved(whole)
    wanted = {name for kinds in declared(planned, services) for name in kinds}
    return {name: there[name] for name in sorted(wanted & there.keys())}


def declared(planned: Planned, services: Iterable[str]) -> Iterator[Mapping[str, str]]:
    """The secrets of each service, as its fragment declares them."""
    facts = planned.facts
    for service in services:
        fragment = facts.catalog.fragment_of(service)
        yield checkouts.declared(planned.checkout, fragment, facts.sources[fragment])


def edit(root: Path, changes: Mapping[str, str | None]) -> None:
    """Set or unset lines of `.env`."""
    tree.write(root / ".env", envfile.edit(tree.read(root / ".env"), changes), 0o600)
