"""What the project costs in time beside the bare tools that it stands on. Prints a Markdown table.

    .venv/bin/python -m benchmarks.run             all of it, some minutes; needs an engine
    .venv/bin/python -m benchmarks.run list plan   only these parts
    .venv/bin/python -m benchmarks.run --runs 21   medians of more runs

Everything happens in folders of its own and in a Compose project of its own, `genai-bench`, which is removed again.
"""

import argparse
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.generate import PYTHON, ROOT, checkout, copied
from benchmarks.timing import Command, medians

PROJECT = "genai-bench"
SIZES = (5, 25, 100, 300)
NOWHERE = "unix:///nonexistent/docker.sock"
PATIENCE = 300.0
"""Seconds for the bare project to get healthy."""


class Row(NamedTuple):
    """One line of the table, in seconds; `allowed` is the most that ours may take, where there is a target."""

    what: str
    ours: float
    bare: float | None = None
    allowed: float | None = None

    def text(self) -> str:
        bare, difference, target = "", "", ""
        if self.bare is not None:
            bare = _ms(self.bare)
            difference = f"{self.ours / self.bare:.2f} times, {(self.ours - self.bare) * 1000:+.0f} ms"
        if self.allowed is not None:
            target = f"{_ms(self.allowed)}: {'met' if self.ours <= self.allowed else 'MISSED'}"
        return f"| {self.what} | {_ms(self.ours)} | {bare} | {difference} | {target} |"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def listing(work: Path, runs: int, _: argparse.Namespace) -> Iterator[Row]:
    """`./inv --list` against invoke with one task that does nothing."""
    folder = work / "noop"
    folder.mkdir()
    (folder / "tasks.py").write_text("from invoke import task\n\n\n@task\ndef noop(c):\n    pass\n")
    found = medians({
        "ours": Command(["./inv", "--list"], ROOT),
        "bare": Command([PYTHON, "-m", "invoke", "--list"], folder),
    }, runs)  # fmt: skip
    yield Row("`./inv --list`", found["ours"], found["bare"], found["bare"] * 1.3)


def planning(work: Path, runs: int, options: argparse.Namespace) -> Iterator[Row]:
    """`inv plan` with an empty and a filled cache against `docker compose config -q` over the same files."""
    for size in options.sizes:
        folder = work / f"services-{size}"
        env = checkout(folder, size)
        files = [word for path in sorted((folder / "compose").glob("*.yml")) for word in ("-f", str(path))]
        bare = ["docker", "compose", "-p", PROJECT, *files, "--profile", "*", "config", "-q"]
        inv = [PYTHON, "-E", "-m", "stack", "plan"]
        ours = {"PROJECT_NAME": PROJECT}
        alone = {**ours, "DOCKER_HOST": NOWHERE}
        empty = lambda folder=folder: shutil.rmtree(folder / ".stack", ignore_errors=True)  # noqa: E731
        found = medians({
            "bare": Command(bare, folder, env),
            "cold": Command(inv, folder, ours, before=empty),
            "warm": Command(inv, folder, ours),
            "warm alone": Command(inv, folder, alone),
            "cold alone": Command(inv, folder, alone, before=empty),
        }, runs if size <= 25 else max(3, runs // 3))  # fmt: skip
        target = size == 25
        yield Row(
            f"`plan`, {size} services, cold", found["cold"], found["bare"], found["bare"] + 0.35 if target else None
        )
        yield Row(f"`plan`, {size} services, warm", found["warm"], found["bare"], 0.45 if target else None)
        yield Row(f"`plan`, {size} services, cold, no engine", found["cold alone"], found["bare"])
        yield Row(
            f"`plan`, {size} services, warm, no engine", found["warm alone"], found["bare"], 0.25 if target else None
        )


def running(work: Path, runs: int, options: argparse.Namespace) -> Iterator[Row]:
    """`inv up` from nothing, `inv up` with nothing to do, `inv status` and `inv doctor`, the first two against bare
    Compose on compose.yaml."""
    folder = copied(work / "checkout", PROJECT)
    inv = [PYTHON, "-E", "-m", "stack"]
    up = [*inv, "up", "--yes", *(["--offline"] if options.offline else [])]
    bare = ["docker", "compose", "--progress", "quiet", "up", "-d"]
    remove = Command([*inv, "down", "--volumes", "--yes"], folder)

    def clean() -> None:
        subprocess.run(remove.words, cwd=folder, capture_output=True, check=True)

    few = max(3, runs // 3)
    try:
        subprocess.run(up, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        full = medians({
            "ours": Command(up, folder, before=clean),
            "bare": Command(bare, folder, before=clean, after=_wait),
        }, few)  # fmt: skip
        yield Row("`up` from nothing, images here", full["ours"], full["bare"], full["bare"] * 1.1)
        nothing = medians({"ours": Command(up, folder), "bare": Command(bare, folder, after=_wait)}, runs)
        yield Row("`up` with nothing to do", nothing["ours"], nothing["bare"], nothing["bare"] + 0.5)
        yield Row("`status`", medians({"ours": Command([*inv, "status"], folder)}, runs)["ours"], None, 0.5)
        yield Row("`doctor`, all well", medians({"ours": Command([*inv, "doctor"], folder)}, runs)["ours"], None, 3.0)
    finally:
        clean()


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


PARTS = {"list": listing, "plan": planning, "up": running}


def main() -> None:
    parser = argparse.ArgumentParser(description="Times beside the bare tools, as a Markdown table.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="list, plan, up; all without one")
    parser.add_argument("--runs", type=int, default=11, help="runs that each median is made from (default 11)")
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=SIZES,
                        help="numbers of generated services, with commas (default 5,25,100,300)")  # fmt: skip
    parser.add_argument("--offline", action="store_true", help="pass --offline to up: where no registry answers")
    options = parser.parse_args()
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
          f"medians of {options.runs} runs (a third of them where one takes seconds)\n")  # fmt: skip
    print("| what | ours | bare | ours beside bare | target |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        for part in options.parts or PARTS:
            for row in PARTS[part](Path(name), options.runs, options):
                print(row.text(), flush=True)


if __name__ == "__main__":
    main()
