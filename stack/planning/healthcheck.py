"""A healthcheck as the engine takes it: quick while a service starts, slow once it is well. Pure."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

START_INTERVAL = (1, 44)
"""The first API version that has `start_interval`: Docker 25 (docs.docker.com, Engine API version history)."""
INTERVAL_S = 30.0
"""The engine's own interval (docs.docker.com, Dockerfile reference, HEALTHCHECK); so is the time that a check has."""
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
SHELLS = (["CMD-SHELL"], ["CMD", "sh", "-c"], ["CMD", "bash", "-c"])
"""How a check begins that a shell does."""
WELL = "/dev/shm/.well"  # noqa: S108
"""Made in a container when its check first passes. Every container has that folder to itself, in memory: every user can
write to it, in a read-only container too, and it is empty again after each start."""


def spoken(check: Mapping[str, Any], api: tuple[int, int]) -> dict[str, Any]:
    """A healthcheck with `start_interval` for an engine of an API version.

    For an older engine, where Compose refuses the word, the one interval is the quick one, and a check by a shell waits
    for the rest of the slow one before it asks, once it has passed: an exec as seldom, and that is what costs. A check
    without a shell stays quick."""
    if "start_interval" not in check or api >= START_INTERVAL:
        return dict(check)
    quick = seconds(check["start_interval"])
    rest = int(seconds(check.get("interval") or "") or INTERVAL_S) - int(quick)
    made = {**{key: value for key, value in check.items() if key != "start_interval"}, "interval": f"{quick:g}s"}
    *shell, line = check.get("test") or [""]
    if rest <= 0 or shell not in SHELLS:
        return made
    timeout = (seconds(check.get("timeout") or "") or INTERVAL_S) + rest
    return {**made, "test": [*shell, patient(line, rest)], "timeout": f"{timeout:g}s"}


def in_one_line(check: Mapping[str, Any]) -> dict[str, Any]:
    """A healthcheck for Podman, which takes the words of a CMD apart at every space in them (containers/podman, issue
    26519): such words become a shell's line."""
    kind, *words = check.get("test") or [""]
    if kind != "CMD" or not any(re.search(r"\s", word) for word in words):
        return dict(check)
    return {**check, "test": ["CMD-SHELL", shlex.join(words)]}


def patient(line: str, rest: int) -> str:
    """A shell's line that waits `rest` seconds before it does the same, once that has succeeded in this container. As
    in all of the model, a dollar stands twice."""
    return f"test -e {WELL} && sleep {rest}\n({line}\n)\ncode=$$?\ntest $$code = 0 && true >{WELL}\nexit $$code"


def seconds(duration: str) -> float:
    """A duration as Compose writes it (1m30s) in seconds; 0 for none."""
    parts = re.findall(r"([\d.]+)(h|ms|m|s|us|µs|ns)", duration)
    return sum(float(number) * UNITS[unit] for number, unit in parts)
