"""What containers use: from the cgroup files where the engine is on this machine, or as the engine measures it."""

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

from stack import docker

T = TypeVar("T", int, float)

CGROUPS = Path("/sys/fs/cgroup")
PLACES = (
    "{controller}/docker/{id}",
    "docker/{id}",
    "system.slice/docker-{id}.scope",
    "{controller}/system.slice/docker-{id}.scope",
)
"""Where engines put a container's cgroup: v1, with a tree for each controller, and v2; cgroupfs and systemd drivers."""


def memory(ids: Iterable[str]) -> dict[str, int]:
    """Bytes by container, for those whose cgroup can be read here. Page cache that can be dropped does not count,
    as in `docker stats`."""
    return _each(ids, "memory", _used)


def processor(ids: Iterable[str]) -> dict[str, float]:
    """Seconds of one processor by container since it began, for those whose cgroup can be read here."""
    return _each(ids, "cpuacct", _seconds)


def _each(ids: Iterable[str], controller: str, read: Callable[[Path], T]) -> dict[str, T]:
    """What `read` finds in each container's folder; those without, or with something else in it, are left out."""
    found = {}
    for identity in ids:
        places = (CGROUPS / place.format(controller=controller, id=identity) for place in PLACES)
        with contextlib.suppress(OSError, ValueError, StopIteration):
            found[identity] = read(next(place for place in places if place.is_dir()))
    return found


def _used(folder: Path) -> int:
    v2 = folder / "memory.current"
    total = int((v2 if v2.exists() else folder / "memory.usage_in_bytes").read_text())
    stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return total - int(stat.get("inactive_file" if v2.exists() else "total_inactive_file", 0))


def _seconds(folder: Path) -> float:
    """v1 has a file of nanoseconds, v2 microseconds in the first line of one."""
    v1 = folder / "cpuacct.usage"
    if v1.exists():
        return int(v1.read_text()) / 1e9
    return int((folder / "cpu.stat").read_text().split()[1]) / 1e6


UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


class Use(NamedTuple):
    """What a container uses now: memory in bytes, and processors (1.0 is one of them, whole)."""

    memory: int
    processors: float


def from_engine(ids: Iterable[str]) -> dict[str, Use]:
    """Each container's use as `docker stats` measures it; takes 2 s."""
    wanted = list(ids)
    if not wanted:
        return {}
    form = "{{.ID}} {{.CPUPerc}} {{.MemUsage}}"
    rows = docker.ask(["stats", "--no-stream", "--no-trunc", "--format", form, *wanted], timeout=60)
    return {words[0]: Use(_bytes(words[2]), _processors(words[1]))
            for row in rows.splitlines() if len(words := row.split()) > 2}  # fmt: skip


def _processors(text: str) -> float:
    """Of a share as `docker stats` writes it; `--` is that of a container which has just ended."""
    try:
        return round(float(text.removesuffix("%")) / 100, 4)
    except ValueError:
        return 0.0


def _bytes(text: str) -> int:
    unit = text.lstrip("0123456789.")
    return int(float(text.removesuffix(unit)) * UNITS.get(unit, 1))
