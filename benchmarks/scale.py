"""What a plan costs as it grows, on the pure side: no engine, no Compose. Prints a Markdown table.

    .venv/bin/python -m benchmarks.scale                      up to 300 services on 100 nodes
    .venv/bin/python -m benchmarks.scale --services 1000      more of them

The services are generated, of the usual shape, and Compose merges them once beforehand. Times are of the processor, as
nothing here waits for anything.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.generate import checkout
from stack.cluster import placement, stackfile
from stack.cluster.nodes import Node
from stack.cluster.placement import Cluster, Kept
from stack.cluster.service import Sources
from stack.gateway import entrance
from stack.kubernetes import manifests
from stack.kubernetes.manifests import Asked
from stack.planning import assembly, checkouts, plan, planner
from stack.planning.plan import Selection
from stack.planning.planner import Planned, Request

SIZES, NODES, TARGET_S = (20, 100, 300), (3, 100), 1.5
"""The target is of plan and stack file, for the most of both."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Processor time of a plan as it grows, as a Markdown table.")
    parser.add_argument("--services", type=int, default=SIZES[-1], help="the most services (default 300)")
    parser.add_argument("--nodes", type=int, default=NODES[-1], help="the most nodes (default 100)")
    parser.add_argument("--runs", type=int, default=5, help="runs of which the least counts (default 5)")
    options = parser.parse_args()
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    print("| services | nodes | plan | placing | stack file | sum | target | manifests |")
    print("|---|---|---|---|---|---|---|---|")
    for count in sorted({*(size for size in SIZES if size < options.services), options.services}):
        with tempfile.TemporaryDirectory() as folder:
            planned = made(Path(folder) / "checkout", count)
        for nodes in sorted({*(size for size in NODES if size < options.nodes), options.nodes}):
            largest = (count, nodes) == (options.services, options.nodes)
            print(row(planned, nodes, options.runs, largest), flush=True)


def made(folder: Path, count: int) -> Planned:
    """The plan of so many generated services, merged by Compose."""
    folder.mkdir()
    checkout(folder, count)
    found = checkouts.read(folder, dotenv={}, shell={}, roots=[""])
    return planner.make_from(found, Request(profiles=("core",), exact=True))


def row(planned: Planned, nodes: int, runs: int, largest: bool) -> str:
    """One line of the table; the target stands in the `largest`."""
    facts, project = planned.facts, cut(planned)
    cluster = Cluster([node(number) for number in range(nodes)], "node-0")
    sources = Sources("bench", "/bench", {}, {}, {}, {}, frozenset(), frozenset())
    placed = placement.place(project, cluster, Kept(), {}, entrance.SERVICE)
    assert not placed.refused

    def written() -> None:
        stack = stackfile.make(project, placed, sources)
        assert not stack.refused
        stackfile.text(stack, stack.services)

    asked = Asked({}, entrance.SERVICE, entrance.INSIDE, "http", "localhost")
    parts = [
        least(lambda: plan.compute(facts, Selection(("core",))), runs) + least(lambda: cut(planned), runs),
        least(lambda: placement.place(project, cluster, Kept(), {}, entrance.SERVICE), runs),
        least(written, runs),
    ]
    whole = least(lambda: texts(manifests.of(project, planned.plan, {}, asked)), runs)
    said = f"{TARGET_S} s: {'met' if sum(parts) <= TARGET_S else 'MISSED'}" if largest else ""
    cells = [str(len(planned.plan.services)), str(nodes), *map(_ms, parts), _ms(sum(parts)), said, _ms(whole)]
    return f"| {' | '.join(cells)} |"


def cut(planned: Planned) -> dict[str, Any]:
    """The assembled project."""
    return assembly.cut(planned.facts.model, planned.plan, {}, set())


def texts(found: Mapping[str, list[dict[str, Any]]]) -> int:
    """The length of all manifests as they would be written."""
    return sum(len(assembly.to_yaml(one, as_lines=True)) for objects in found.values() for one in objects)


def node(number: int) -> Node:
    """A node of a cluster, with other room than the others."""
    return Node(f"node-{number}", f"host-{number}", "worker", disk_free=(number + 10) << 30, memory_bytes=64 << 30)


def least(work: Callable[[], object], runs: int) -> float:
    """The least processor time that it took, in seconds."""
    times = []
    for _ in range(runs):
        before = time.process_time()
        work()
        times.append(time.process_time() - before)
    return min(times)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


if __name__ == "__main__":
    main()
