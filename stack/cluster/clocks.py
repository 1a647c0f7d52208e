"""How far the nodes' clocks are from the managers'. Pure: the API tells no node's time, but two of each task, one that
the task's node wrote and one that a manager wrote as it took the first."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

OFF_S = 5.0
"""Seconds from which on a clock is called off: certificates, tokens and logs go by it, and a report takes less."""


def offsets(tasks: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The seconds by which each node's clock is ahead (behind: below zero), as far as its tasks show it.

    A manager may have written later of other things, so that the least distance of a node's tasks counts."""
    found: dict[str, float] = {}
    for task in tasks:
        status, node = task.get("Status") or {}, task.get("NodeID")
        # What a manager says of a task has its own time, and names no container.
        if not node or not (status.get("ContainerStatus") or {}).get("ContainerID"):
            continue
        distance = (_moment(status["Timestamp"]) - _moment(task["UpdatedAt"])).total_seconds()
        if node not in found or abs(distance) < abs(found[node]):
            found[node] = distance
    return found


def _moment(text: str) -> dt.datetime:
    """A time of Go's, which has up to nine digits of a second, and sometimes none."""
    whole, _, rest = text.rstrip("Z").partition(".")
    return dt.datetime.fromisoformat(f"{whole}.{rest[:6]:0<6}")
