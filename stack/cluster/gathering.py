"""The edge to what a stack file is made from: the files that services mount, as they will be, the images, the nodes."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from stack import docker
from stack.cluster import disks, doors, kept, limits, manager, nodes, placement, registry, stackfile
from stack.cluster.placement import Cluster, Kept, Placement
from stack.cluster.service import Sources
from stack.cluster.stackfile import Stack
from stack.gateway import entrance
from stack.planning import compare
from stack.planning.model import Model
from stack.planning.planner import Planned
from stack.running import contents
from stack.running.contents import File

OLDEST = (0, 0)
"""The API version that the model is assembled for: the nodes' engines may differ, so what the oldest takes."""


class Gathered(msgspec.Struct, frozen=True):
    """A plan made ready for a cluster: the assembled project, the nodes, where each service goes, and the stack."""

    assembled: compare.Assembled
    cluster: Cluster
    placement: Placement
    stack: Stack


def gather(planned: Planned, standing: Planned, secrets: Mapping[str, str], said: tuple[str, ...] = ()) -> Gathered:
    """A plan as a stack. `standing` is the plan with what runs beyond it, of which gateway and backend are told; `said`
    what --place says.

    Raises StackError where this engine is no manager, a mounted file is missing, or --place names no node."""
    assembled = compare.assemble(planned, OLDEST)
    settings = planned.checkout.settings
    remembered = kept.recalled(planned.checkout.root, planned.plan.project)
    images = names(assembled.model)
    rows = docker.inspected("images", images)
    cluster = _measured(look(assembled.model, rows), assembled.model, remembered, planned.plan.project)
    wanted = placement.asked(said, cluster, planned.plan.names())
    placed = placement.place(assembled.model, cluster, remembered, wanted, entrance.SERVICE)
    named = {**pinned(assembled.model, rows), **registry.known(settings, images, cluster)}
    sources = Sources(
        planned.plan.project,
        str(planned.checkout.root),
        files(standing, assembled.model, secrets),
        named,
        {named[name]: row["Id"] for row in rows for name in named if docker.familiar(name) in docker.names_of(row)},
        secrets,
        frozenset(service.name for service in planned.plan.services if service.one_shot),
        frozenset({entrance.SERVICE}),
        {service.name: service.fragment for service in planned.plan.services},
        settings.value("NETWORK_ENCRYPTED") == "true",
    )
    return Gathered(assembled, cluster, placed, stackfile.make(assembled.model, placed, sources))


def names(assembled: Model) -> list[str]:
    """The images of a project, as its files name them."""
    return [service["image"] for service in assembled["services"].values()]


def _measured(cluster: Cluster, assembled: Model, remembered: Kept, project: str) -> Cluster:
    """The same with what is free on each disk, where that decides on which node new state is to be."""
    volumes = assembled.get("volumes") or {}
    own = {(one or {}).get("name", key) for key, one in volumes.items() if not placement.floats(one)}
    image = doors.image(project) if own - remembered.volumes.keys() - cluster.volumes else ""
    if len(cluster.nodes) == 1 or not image:
        return cluster
    measured = disks.told(cluster.nodes, disks.free(project, cluster.nodes, image))
    return msgspec.structs.replace(cluster, nodes=measured)


def look(assembled: Model, rows: list[dict[str, Any]]) -> Cluster:
    """The nodes as placing goes by them. Raises StackError where this engine is no manager."""
    manager.check()
    here = str((docker.info().get("Swarm") or {}).get("NodeID", ""))
    own = {(one or {}).get("name", key) for key, one in (assembled.get("volumes") or {}).items()}
    images = {service["image"] for service in assembled["services"].values()}
    machines = {image: str(row.get("Architecture", "")) for row in rows for image in images
                if docker.familiar(image) in docker.names_of(row)}  # fmt: skip
    return Cluster(nodes.listed(), here, frozenset(own & docker.volumes()), machines)


def pinned(assembled: Model, rows: list[dict[str, Any]]) -> dict[str, str]:
    """What each image is called in the stack file: with the digest of its registry, where it has one, else by its id.
    So every node runs the same, and none asks a registry for what it has (moby, containerAdapter.pullImage)."""
    found = {}
    for service in assembled["services"].values():
        image = service["image"]
        name = docker.familiar(image)
        row = next((row for row in rows if name in docker.names_of(row)), None)
        if row is None or "@" in image:
            continue
        own = f"{name.rpartition(':')[0]}@"
        digests = sorted(one for one in row.get("RepoDigests") or [] if one.startswith(own))
        found[image] = f"{image}@{digests[0].partition('@')[2]}" if digests else row["Id"]
    return found


def files(standing: Planned, assembled: Model, secrets: Mapping[str, str]) -> dict[str, list[File]]:
    """What lies behind each bind that can become configs and secrets, and behind the project's own configs and
    secrets."""
    root, services = standing.checkout.root, list(assembled["services"].values())
    found = contents.of_binds(standing, services, secrets, limits.TOGETHER)
    changed = {mount["source"] for service in services for mount in service.get("volumes") or []
               if mount.get("type") == "bind" and not mount.get("read_only")}  # fmt: skip
    kept = {path: one for path, one in found.items() if path not in changed}
    for service in services:
        for section in ("configs", "secrets"):
            for entry in service.get(section) or []:
                own = (assembled.get(section) or {}).get(entry["source"]) or {}
                kept[f"{section}:{entry['source']}"] = [_told(own, root, secrets, private=section == "secrets")]
    return kept


def _told(own: Mapping[str, Any], root: Path, secrets: Mapping[str, str], private: bool) -> File:
    """What a config or secret of the project's own holds: a file, a text, or a variable."""
    if own.get("file"):
        [file] = contents.below(root / own["file"], limits.TOGETHER) or [File("", b"")]
        return File("", file.data, private=private, unread=file.unread)
    if own.get("environment"):
        name = own["environment"]
        return File("", (secrets.get(name) or os.environ.get(name, "")).encode(), private=private)
    text = re.sub(r"\$\{([A-Z][A-Z0-9_]*):[?-][^}]*\}", lambda m: secrets.get(m[1], ""), own.get("content") or "")
    return File("", text.replace("$$", "$").encode(), private=private)
