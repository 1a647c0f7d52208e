"""The edge to what services mount of the checkout, as it will be at the next start: the files behind each path, for
what can't mount a machine's folders and takes the files themselves."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from stack import tree
from stack.errors import StackError
from stack.gateway import entrance
from stack.planning import assembly, connections, model, outside
from stack.planning.model import Service
from stack.planning.planner import Planned
from stack.running import live, tls


class File(msgspec.Struct, frozen=True):
    """A file that a service mounts: its path below what is mounted, empty for that itself. A `private` one holds
    secrets. `unread` is the size in bytes of one that is too large to be read, and has no data therefore."""

    path: str
    data: bytes
    executable: bool = False
    private: bool = False
    unread: int = 0

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.unread or len(self.data)


def of_binds(standing: Planned, services: Iterable[Service], secrets: Mapping[str, str],
             most: int) -> dict[str, list[File]]:  # fmt: skip
    """What lies behind each path of the checkout that the services mount, `most` bytes of each path; what is written at
    a start as it will be. `standing` is the plan that gateway and backend are told of."""
    root, made = standing.checkout.root, _written(standing, secrets)
    found: dict[str, list[File]] = {}
    for path in dict.fromkeys(path for service in services for path in model.binds(service)):
        if not path.startswith("./") or ".." in Path(path).parts:
            continue
        if path.startswith(assembly.LIVE) and not path.startswith(assembly.READABLE):
            found[path] = made.get(path.rstrip("/"), [])
        else:
            found[path] = below(root / assembly.original(path), most)
    return found


def below(path: Path, most: int) -> list[File]:
    """A file, or every file of a folder but what tools leave there. Where they have more than `most` bytes together,
    none is read."""
    every = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    told = [(one, one.stat()) for one in every if not tree.TOOLS & set(one.parts)]
    large = sum(status.st_size for _, status in told) > most
    found = []
    for one, status in told:
        name = "" if one == path else str(one.relative_to(path))
        data, unread = (b"", status.st_size) if large else (tree.read(one), 0)
        found.append(File(name, data, bool(status.st_mode & 0o111), unread=unread))
    return found


def _written(standing: Planned, secrets: Mapping[str, str]) -> dict[str, list[File]]:
    """What lies below .stack/ while services run, by the folder that is mounted: as the next start writes it."""
    root = standing.checkout.root
    try:
        served = live.texts(standing, entrance.of(standing))
    except StackError:
        served = {}
    plan = msgspec.json.format(msgspec.json.encode(live.plan_document(standing)), indent=1)
    made = {
        "./.stack/gateway": [File(Path(path).name, data) for path, data in served.items()],
        "./.stack/plan": [File(Path(live.PLAN).name, plan)],
    }
    if bundle := outside.bundle(os.environ):
        made["./.stack/ca"] = [File(Path(live.CA).name, tree.read(Path(bundle)))]
    if pem := tls.served(root):
        made["./.stack/private/tls"] = [File(Path(tls.SERVED).name, pem, private=True)]
    for service, values in connections.valued(connections.of(standing), secrets).items():
        data = msgspec.json.format(msgspec.json.encode(values), indent=1)
        made[connections.folder(service)] = [File(live.CONNECTIONS, data, private=True)]
    return made
