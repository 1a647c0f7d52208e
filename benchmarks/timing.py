"""Times of whole processes, as somebody at the keyboard has them."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Command(NamedTuple):
    """One side of a comparison. `before` runs before each time and is not measured, `after` is measured with it."""

    words: Sequence[str]
    folder: Path
    env: Mapping[str, str] = {}
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None


def medians(commands: Mapping[str, Command], runs: int) -> dict[str, float]:
    """The median of `runs` times in seconds of each command. They take turns, so that what else the machine does
    meets all of them; one run of each that does not count goes first."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            seconds = once(command)
            if number:
                times[name].append(seconds)
    return {name: statistics.median(found) for name, found in times.items()}


def once(command: Command) -> float:
    """Seconds that one run takes. Raises SystemExit with its last words where it fails."""
    command.before()
    env = {**os.environ, **command.env}
    start = time.perf_counter()
    done = subprocess.run(command.words, cwd=command.folder, env=env, capture_output=True, text=True, check=False)
    command.after()
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(command.words)} failed:\n{(done.stderr + done.stdout)[-2000:]}")
    return seconds
