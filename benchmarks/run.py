"""What the project costs in time beside the bare tools that it stands on. Prints a Markdown table.

    .venv/bin/python -m benchmarks.run             all of it, some minutes; needs an engine
    .venv/bin/python -m benchmarks.run list plan   only these parts
    .venv/bin/python -m benchmarks.run --targets   only the rows that have a target: half the time
    .venv/bin/python -m benchmarks.run --runs 21   medians of more runs

Everything happens in folders of its own and in a Compose project of its own, `genai-bench`, which is removed again.
"""

import argparse
import functools
import os
import platform
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.generate import PYTHON, ROOT, checkout, copied
from benchmarks.timing import Command, medians, once

PROJECT = "genai-bench"
SIZES = (5, 25, 100, 300)
NOWHERE = "unix:///nonexistent/docker.sock"
PATIENCE = 300.0
"""Seconds for the bare project to get healthy."""


class Row(NamedTuple):
    """One line of the table: what ours takes, what it stands beside, both in seconds, and how many times that it may
    take, where there is a target."""

    what: str
    ours: float
    beside: str
    theirs: float
    most: float | None = None

    def text(self) -> str:
        times = self.ours / self.theirs
        target = f"{self.most:.2f}: {'met' if round(times, 2) <= self.most else 'MISSED'}" if self.most else ""
        return f"| {self.what} | {_ms(self.ours)} | {self.beside} | {_ms(self.theirs)} | {times:.2f} | {target} |"


class Peak(NamedTuple):
    """The line of the table that is of memory, in MB."""

    what: str
    ours: float
    most: float

    def text(self) -> str:
        met = "met" if self.ours <= self.most else "MISSED"
        return f"| {self.what} | {self.ours:.0f} MB | | | | {self.most:.0f} MB: {met} |"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


FLOOR, BARE, WARM = "an empty task", "bare Compose", "the warm one"
INV = [PYTHON, "-E", "-m", "stack"]


def _floor(work: Path) -> Command:
    """Invoke with one task that does nothing: the floor of every command."""
    folder = work / "noop"
    folder.mkdir(exist_ok=True)
    (folder / "tasks.py").write_text("from invoke import task\n\n\n@task\ndef noop(c):\n    pass\n")
    return Command([PYTHON, "-m", "invoke", "noop"], folder)


def listing(work: Path, runs: int, _: argparse.Namespace) -> Iterator[Row]:
    """`./inv --list` against the floor."""
    found = medians({"ours": Command(["./inv", "--list"], ROOT), "floor": _floor(work)}, runs)
    yield Row("`./inv --list`", found["ours"], FLOOR, found["floor"], 1.0)


def planning(work: Path, runs: int, options: argparse.Namespace) -> Iterator[Row | Peak]:
    """`inv plan` with an empty and a filled cache, and after a file changed."""
    for size in options.sizes:
        folder = work / f"services-{size}"
        env = checkout(folder, size)
        files = [word for path in sorted((folder / "compose").glob("*.yml")) for word in ("-f", str(path))]
        bare = ["docker", "compose", "-p", PROJECT, *files, "--profile", "*", "config", "-q"]
        plan, ours = [*INV, "plan"], {"PROJECT_NAME": PROJECT}
        alone = {**ours, "DOCKER_HOST": NOWHERE}
        empty = functools.partial(shutil.rmtree, folder / ".stack", ignore_errors=True)
        change = functools.partial(_changed, folder / "compose" / "service-003.yml")
        few = runs if size <= 25 else max(3, runs // 3)
        # What is cold empties the cache, so it takes its turns apart.
        cold = medians({
            "bare": Command(bare, folder, env),
            "cold": Command(plan, folder, ours, before=empty),
            "alone": Command(plan, folder, alone, before=empty),
        }, few)  # fmt: skip
        warm = medians({
            "floor": _floor(work),
            "warm": Command(plan, folder, ours),
            "alone": Command(plan, folder, alone),
            "changed": Command(plan, folder, ours, before=change),
        }, few)  # fmt: skip
        what, most = f"`plan`, {size} services", MOST.get(size, {})
        yield Row(f"{what}, cold", cold["cold"], BARE, cold["bare"], most.get("cold"))
        yield Row(f"{what}, cold, no engine", cold["alone"], BARE, cold["bare"])
        yield Row(f"{what}, warm", warm["warm"], FLOOR, warm["floor"], most.get("warm"))
        yield Row(f"{what}, warm, no engine", warm["alone"], FLOOR, warm["floor"], most.get("alone"))
        yield Row(f"{what}, one file changed", warm["changed"], WARM, warm["warm"], most.get("changed"))
        if size == max(options.sizes):
            empty()
            yield Peak(f"{what}, cold: peak memory, children apart", _peak(folder, ours), PEAK_MB)


MOST = {25: {"cold": 1.1, "warm": 1.5, "alone": 1.3, "changed": 1.3}, 300: {"cold": 0.15, "changed": 1.5}}
PEAK_MB = 60.0
MEASURED = """
import atexit, resource, runpy, sys
atexit.register(lambda: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr))
sys.argv = ["inv", "plan"]
runpy.run_module("stack", run_name="__main__")
"""


def _changed(path: Path) -> None:
    """Give a service another default, as somebody who edits its file."""
    path.write_text(re.sub(r"_LEVEL:-[^}]*", f"_LEVEL:-at-{time.time_ns()}", path.read_text()))


def _peak(folder: Path, env: Mapping[str, str]) -> float:
    """The most memory that a plan's own process has at once, in MB."""
    around = {**os.environ, **env, "PYTHONPATH": str(folder)}
    done = subprocess.run([PYTHON, "-c", MEASURED], cwd=folder, env=around, capture_output=True, text=True, check=True)
    return int(done.stderr.split()[-1]) / 1024


def running(work: Path, runs: int, options: argparse.Namespace) -> Iterator[Row]:
    """`inv up` from nothing against bare Compose on compose.yaml; `inv up` with nothing to do, `inv status` and
    `inv doctor` against the floor."""
    folder = copied(work / "checkout", PROJECT)
    up = [*INV, "up", "--yes", *(["--offline"] if options.offline else [])]
    bare = ["docker", "compose", "--progress", "quiet", "up", "-d"]

    def clean() -> None:
        subprocess.run([*INV, "down", "--volumes", "--yes"], cwd=folder, capture_output=True, check=True)

    few = max(3, runs // 3)
    try:
        subprocess.run(up, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        full = medians({
            "ours": Command(up, folder, before=clean),
            "bare": Command(bare, folder, before=clean, after=_wait),
        }, few)  # fmt: skip
        yield Row("`up` from nothing, images here", full["ours"], BARE, full["bare"], 1.0)
        subprocess.run(up, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        found = medians({
            "floor": _floor(work),
            "up": Command(up, folder),
            "status": Command([*INV, "status"], folder),
            "doctor": Command([*INV, "doctor"], folder),
        }, runs)  # fmt: skip
        yield Row("`up` with nothing to do", found["up"], FLOOR, found["floor"], 2.5)
        yield Row("`status`", found["status"], FLOOR, found["floor"], 1.4)
        yield Row("`doctor`, all well", found["doctor"], FLOOR, found["floor"], 4.0)
    finally:
        clean()


def adding(work: Path, runs: int, _: argparse.Namespace) -> Iterator[Row]:
    """`inv add-service` with an image and a port on the full catalogue, each time under another name."""
    folder = copied(work / "adding", PROJECT)
    subprocess.run([*INV, "plan"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    floor, ours, theirs = _floor(work), [], []
    for number in range(runs + 1):
        name = f"added-{number}"
        words = [*INV, "add-service", name, "--image", "redis:7", "--port", "6379"]
        ours.append(once(Command(words, folder)))
        theirs.append(once(floor))
        subprocess.run([*INV, "remove-service", name, "--yes"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    yield Row("`add-service`", statistics.median(ours[1:]), FLOOR, statistics.median(theirs[1:]), 4.0)


def _wait() -> None:
    """Until every container of the project is healthy, or has ended with 0: what `inv up` waits for."""
    ask = ["docker", "ps", "-a", "--filter", f"label=com.docker.compose.project={PROJECT}", "--format", "{{.Status}}"]
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        states = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.splitlines()
        if states and all("(healthy)" in state or state.startswith("Exited (0)") for state in states):
            return
        time.sleep(0.05)
    raise SystemExit("the bare project did not get healthy")


PARTS = {"list": listing, "plan": planning, "up": running, "add": adding}


def main() -> None:
    parser = argparse.ArgumentParser(description="Times beside the bare tools, as a Markdown table.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="list, plan, up, add; all without one")
    parser.add_argument("--runs", type=int, default=11, help="runs that each median is made from (default 11)")
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")],
                        help="numbers of generated services, with commas (default 5,25,100,300)")  # fmt: skip
    parser.add_argument("--offline", action="store_true", help="pass --offline to up: where no registry answers")
    parser.add_argument("--targets", action="store_true", help="only the rows that have a target")
    options = parser.parse_args()
    options.sizes = options.sizes or (MOST if options.targets else SIZES)
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
          f"medians of {options.runs} runs (a third of them where one takes seconds)\n")  # fmt: skip
    print("| what | ours | beside | takes | times | target |\n|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        for part in options.parts or PARTS:
            for row in PARTS[part](Path(name), options.runs, options):
                if row.most or not options.targets:
                    print(row.text(), flush=True)


if __name__ == "__main__":
    main()
