"""How long `up` takes as services grow, on three nodes of a swarm and by Compose on one of them: a Markdown table.

    .venv/bin/python -m benchmarks.cluster                       5, 20 and 40 services: ten minutes, as root on Linux
    .venv/bin/python -m benchmarks.cluster --services 10 --runs 1

The services are stand-ins of the usual edges, each of which gets well a second after its start, and every node has
their image. Both sides are `./inv up` from nothing, in turns, on the same engines. `busy` is how much of the machine's
processors was in use during those: with more of it, other work was measured, too.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.engine.support import stacks, swarms
from tests.engine.support.cluster import Cluster, cluster
from tests.engine.support.swarms import SwarmStack
from tests.support import keep

SIZES, TARGET = (5, 20, 40), 1.5
START_S = 1.0
"""What the slowest service takes to get well; its check looks once a second."""
COMMAND = f"sleep {START_S:.0f}; touch /tmp/up; exec sleep infinity"
CHECK = {"test": ["CMD", "test", "-e", "/tmp/up"], "interval": "1s", "timeout": "5s", "retries": 30}


class Time(NamedTuple):
    """Seconds that one `up` took, and the part of the machine's processors that was in use meanwhile."""

    seconds: float
    busy: float


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds of `up` on a cluster and by Compose, as a Markdown table.")
    parser.add_argument("--services", type=int, nargs="+", default=SIZES, help="how many services (default 5 20 40)")
    parser.add_argument("--runs", type=int, default=3, help="runs of which the median counts (default 3)")
    options = parser.parse_args()
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
          f"load {os.getloadavg()[0]:.1f} before\n")  # fmt: skip
    print("| services | tiers | Compose, one node | Swarm, three nodes | times | target | busy, either |")
    print("|---|---|---|---|---|---|---|")
    with cluster(images=(stacks.BASE,)) as made:
        for count in options.services:
            print(row(made, count, options.runs), flush=True)


def row(made: Cluster, count: int, runs: int) -> str:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        stack = checkout(Path(folder) / "checkout", made, count)
        tiers = len(stack.inv("plan", "--json").json["data"]["order"])
        times: dict[str, list[Time]] = {"compose": [], "swarm": []}
        try:
            for _ in range(runs):
                for side, found in times.items():
                    found.append(up(stack, side))
                    done = stack.inv("down", "--yes")
                    assert done.code == 0, done
                    swarms.gone(made, stack.project)
        finally:
            stack.remove()
    seconds = {side: statistics.median(one.seconds for one in found) for side, found in times.items()}
    busy = " and ".join(f"{statistics.median(one.busy for one in found):.0%}" for found in times.values())
    ratio = seconds["swarm"] / seconds["compose"]
    said = f"{TARGET:.2f}: {'met' if ratio <= TARGET else 'MISSED'}"
    cells = [str(count), str(tiers), *(f"{one:.1f} s" for one in seconds.values()), f"{ratio:.2f}", said, busy]
    return f"| {' | '.join(cells)} |"


def checkout(root: Path, made: Cluster, count: int) -> SwarmStack:
    """A checkout with so many services: each waits for up to two earlier ones."""
    stack = swarms.checkout(root, f"deploy{count}", made, REGISTRY="none", STACK_PROFILES="bench")
    keep(root)
    for number in range(count):
        needs = {f"s{n:02}": {"condition": "service_healthy"} for n in sorted({number // 4, number // 9} - {number})}
        stack.service(f"s{number:02}", profiles=["bench"], command=["sh", "-c", COMMAND], healthcheck=CHECK,
                      depends_on=needs or None)  # fmt: skip
    return stack


def up(stack: SwarmStack, side: str) -> Time:
    """Start everything from nothing on one side."""
    before, began = _spent(), time.perf_counter()
    stack.up("--on", side)
    seconds, after = time.perf_counter() - began, _spent()
    return Time(seconds, (after[0] - before[0]) / (after[1] - before[1]))


def _spent() -> tuple[int, int]:
    """What the machine's processors did so far, of how much they could have (proc(5), /proc/stat: idle and iowait are
    the fourth and fifth)."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


if __name__ == "__main__":
    main()
