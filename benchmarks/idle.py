"""What a stack costs while nobody uses it: seconds of processor time a minute, and memory, as a Markdown table.

    .venv/bin/python -m benchmarks.idle               core, then all with stand-ins: a quarter of an hour
    .venv/bin/python -m benchmarks.idle core          only that one
    .venv/bin/python -m benchmarks.idle --minutes 5   longer looks

Needs Linux, an engine of this machine and its root, as it reads the times of others' processes.

It takes the parts from whom they belong to, so that other work on the machine does not count:
- programs: the processes that were in the project's containers from the first look to the last, and what they reaped;
- checks: the rest of what the containers' cgroups spent, which is what came and went in them;
- runc: each container's containerd-shim and what it reaped, which is every runc, without the checks (reaped there too);
- engine: dockerd and its containerd. What they do for other containers is taken off by a look before the project is
  started: it holds where the others did the same meanwhile.
`machine` is all that /proc/stat has, the kernel's own work for the above included, less that of the look before: it
holds where nothing else ran. Memory is what `docker stats` says, without the page cache, and the shims' and the
engine's own.
"""

import argparse
import re
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.generate import PYTHON, copied
from stack import client
from tests.engine.support import standins

PROJECT = "genai-idle"
SETTLE_S = 60.0
"""Seconds after `up` that do not count: programs still warm up, and checks may be quicker."""
CGROUPS = ("cpuacct/docker/{}", "docker/{}", "system.slice/docker-{}.scope")
"""Where a container's cgroup is, by version and driver."""
UNITS = {"B": 2**-20, "KiB": 2**-10, "MiB": 1.0, "GiB": 2**10}
"""MiB in each unit of `docker stats`."""


class Look(NamedTuple):
    """Seconds of processor time spent until a moment."""

    machine: float
    engine: float
    shims: float
    containers: float
    processes: dict[int, float]
    """Of each process in a container, with what it reaped."""


class Cost(NamedTuple):
    """Seconds of processor time spent in a minute."""

    machine: float
    engine: float
    runc: float
    checks: float
    programs: float


def look(ids: list[str]) -> Look:
    """What was spent until now; `ids` are the containers of the project."""
    groups = [group(one) for one in ids]
    inside = [int(pid) for folder in groups for pid in (folder / "cgroup.procs").read_text().split()]
    times = psutil.cpu_times()
    return Look(
        sum(times) - times.idle - times.iowait - times.guest - times.guest_nice,
        sum(own(one.pid) for one in engine()),
        sum(own(one.pid) for one in shims(ids)),
        sum(map(accounted, groups)),
        {pid: own(pid) for pid in inside},
    )


def own(pid: int) -> float:
    """What a process spent, with what it reaped; nothing of one that is gone."""
    try:
        return float(sum(psutil.Process(pid).cpu_times()[:4]))
    except psutil.NoSuchProcess:
        return 0.0


def engine() -> list[psutil.Process]:
    """The dockerd that answers, and its containerd: its child, or the machine's."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(client.endpoint().removeprefix("unix://"))
        pid, _, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    found = [one for one in seen() if one.info["name"] == "containerd"]
    child = [one for one in found if one.info["ppid"] == pid]
    return [psutil.Process(pid), *(child or [one for one in found if one.info["ppid"] == 1])]


def shims(ids: list[str]) -> list[psutil.Process]:
    """The shims of some containers."""
    found = [one for one in seen() if one.info["name"].startswith("containerd-shim")]
    return [one for one in found if set(one.info["cmdline"] or ()) & set(ids)]


def seen() -> Iterator[psutil.Process]:
    """Every process, its `info` as it was seen: it may have gone since."""
    yield from psutil.process_iter(["name", "ppid", "cmdline"])


def group(container: str) -> Path:
    """The folder of a container's cgroup that has its processor time."""
    places = [Path("/sys/fs/cgroup", place.format(container)) for place in CGROUPS]
    return next(place for place in places if (place / "cgroup.procs").exists())


def accounted(folder: Path) -> float:
    """What a cgroup spent."""
    old = folder / "cpuacct.usage"
    if old.exists():
        return int(old.read_text()) / 1e9
    return int((folder / "cpu.stat").read_text().split()[1]) / 1e6


def spent(minutes: float, ids: list[str]) -> Cost:
    """What is spent a minute, over some of them."""
    first = look(ids)
    time.sleep(60 * minutes)
    last = look(ids)
    stayed = first.processes.keys() & last.processes.keys()
    programs = sum(last.processes[pid] - first.processes[pid] for pid in stayed)
    checks = last.containers - first.containers - programs
    runc = last.shims - first.shims - checks
    return Cost(*(each / minutes for each in (last.machine - first.machine, last.engine - first.engine, runc, checks,
                                              programs)))  # fmt: skip


def memory(ids: list[str]) -> tuple[float, float]:
    """MiB of the containers, and of their shims and the engine."""
    out = subprocess.run(["docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", *ids],
                         capture_output=True, text=True, check=True).stdout  # fmt: skip
    resident = sum(process.memory_info().rss for process in [*shims(ids), *engine()])
    return sum(map(mib, out.splitlines())), resident / 2**20


def mib(row: str) -> float:
    """The first of `12.5MiB / 2GiB`."""
    number, unit = re.findall(r"[\d.]+|[A-Za-z]+", row)[:2]
    return float(number) * UNITS[unit]


@contextmanager
def core(folder: Path) -> Iterator[None]:
    """The core as it is started by default, from where its images come on this machine."""
    with started(copied(folder / "core", PROJECT), "--yes"):
        yield


@contextmanager
def everything(folder: Path) -> Iterator[None]:
    """Every service of the catalogue, each program a stand-in that does nothing."""
    standins.build(folder)
    stack = standins.make(folder / "all", PROJECT)
    with started(stack.root, "--profile", "all", "--yes"):
        yield


@contextmanager
def started(folder: Path, *words: str) -> Iterator[None]:
    """A checkout's project while the block runs; it is removed with its data."""
    inv = [PYTHON, "-E", "-m", "stack"]
    try:
        subprocess.run([*inv, "up", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        yield
    finally:
        subprocess.run([*inv, "down", "--volumes", "--yes"], cwd=folder, check=True, stdout=subprocess.DEVNULL)


PARTS: dict[str, Callable[[Path], AbstractContextManager[None]]] = {"core": core, "all": everything}


def containers() -> list[str]:
    """The ids of the project's containers that run."""
    ask = ["docker", "ps", "-q", "--no-trunc", "--filter", f"label=com.docker.compose.project={PROJECT}"]
    return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split()


def main() -> None:
    parser = argparse.ArgumentParser(description="What a stack costs while nobody uses it, as a Markdown table.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="core, all; both without one")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long each look takes (default 3)")
    options = parser.parse_args()
    print("Seconds of processor time a minute; MiB\n")
    print(
        "| stack | containers | engine | runc | checks | programs | sum | machine | memory of them | of shims, engine |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for part in options.parts or PARTS:
        without = spent(options.minutes, [])
        with tempfile.TemporaryDirectory() as name, PARTS[part](Path(name)):
            time.sleep(SETTLE_S)
            ids = containers()
            cost = spent(options.minutes, ids)
            inside, around = memory(ids)
        engine_s, machine = cost.engine - without.engine, cost.machine - without.machine
        parts = [engine_s, cost.runc, cost.checks, cost.programs]
        cells = [part, len(ids), *(f"{each:.2f}" for each in [*parts, sum(parts), machine])]
        print(f"| {' | '.join(map(str, cells))} | {inside:.0f} | {around:.0f} |", flush=True)


if __name__ == "__main__":
    main()
