"""Processor time that containers have used, from the cgroup files where the engine is on this machine."""

import contextlib
from collections.abc import Iterable

from stack.running.memory import CGROUPS

PLACES = (
    "cpuacct/docker/{id}/cpuacct.usage",
    "cpuacct/system.slice/docker-{id}.scope/cpuacct.usage",
    "docker/{id}/cpu.stat",
    "system.slice/docker-{id}.scope/cpu.stat",
)
"""Where engines put it: v1 and v2, cgroupfs and systemd drivers."""


def from_cgroups(ids: Iterable[str]) -> dict[str, float]:
    """Seconds of one processor by container since it began, for those whose cgroup can be read here."""
    found = {}
    for identity in ids:
        for place in PLACES:
            with contextlib.suppress(OSError, ValueError):
                found[identity] = _seconds((CGROUPS / place.format(id=identity)).read_text())
                break
    return found


def _seconds(text: str) -> float:
    """v1 has nanoseconds and nothing else, v2 a line with microseconds."""
    words = text.split()
    if words[0] == "usage_usec":
        return int(words[1]) / 1e6
    return int(text) / 1e9
