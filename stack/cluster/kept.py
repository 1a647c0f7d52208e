"""The edge to what is remembered of a cluster between starts: where each volume is."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from stack import tree
from stack.cluster import manager
from stack.cluster.chosen import RECORD
from stack.cluster.placement import Kept

TIED = "node.id=="


def read(root: Path) -> Kept:
    """What is remembered; nothing where nothing can be read."""
    return tree.recall(root / RECORD, Kept) or Kept()


def recalled(root: Path, project: str) -> Kept:
    """What is remembered, and what the services that are there tell: a checkout that was brought to another manager has
    not the first one's record, and would have the data start empty elsewhere."""
    known, told = read(root), of_services(manager.of_stack("services", project), project)
    return Kept({**known.volumes, **told.volumes}, {**known.services, **told.services})


def of_services(rows: Iterable[Mapping[str, Any]], project: str) -> Kept:
    """The nodes to which services are tied, by the volumes of each, or by its name where it has none. Pure."""
    volumes: dict[str, str] = {}
    services: dict[str, str] = {}
    for row in rows:
        task = row["Spec"].get("TaskTemplate") or {}
        tied = [one for one in (task.get("Placement") or {}).get("Constraints") or [] if one.startswith(TIED)]
        mounts = [one["Source"] for one in (task.get("ContainerSpec") or {}).get("Mounts") or []
                  if one.get("Type") == "volume" and one.get("Source")]  # fmt: skip
        if tied and mounts:
            volumes |= dict.fromkeys(mounts, tied[0].removeprefix(TIED))
        elif tied:
            services[str(row["Spec"]["Name"]).removeprefix(f"{project}_")] = tied[0].removeprefix(TIED)
    return Kept(volumes, services)


def write(root: Path, kept: Kept) -> None:
    """Remember it."""
    tree.write(root / RECORD, msgspec.json.encode(kept), 0o600)


def forget(root: Path) -> None:
    """Remember nothing any more: the volumes are gone."""
    (root / RECORD).unlink(missing_ok=True)
