"""A container as the engine tells it: whose it is, whether it is up, and what it was made with."""

import calendar
import time
from typing import Any

Inspected = dict[str, Any]
"""What `docker inspect` says of one container."""
LOOPS = 3
"""Restarts after which it is no accident (as in running/watching.py)."""
RECENT_S = 600
"""Seconds in which the last of them was: what settled down is no finding."""


def label(container: Inspected, name: str) -> str:
    """One of a container's labels, empty where it has none of that name."""
    return str((container["Config"].get("Labels") or {}).get(name, ""))


def service_of(container: Inspected) -> str:
    """The service that a container is of."""
    return label(container, "com.docker.compose.service")


def name_of(container: Inspected) -> str:
    """A container's name."""
    return str(container["Name"]).removeprefix("/")


def ready(one: Inspected) -> bool:
    """Whether a container runs and its healthcheck, where it has one, passes."""
    state = one["State"]
    health = (state.get("Health") or {}).get("Status", "healthy")
    return state["Running"] and not state.get("Paused") and not state.get("Restarting") and health == "healthy"


def age_s(stamp: str) -> float:
    """Seconds since a time as the engine writes it (UTC)."""
    return time.time() - calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S"))


def loops(one: Inspected) -> bool:
    """Whether a container is in a loop of ends and starts."""
    state = one["State"]
    if state["Restarting"]:
        return True
    return one["RestartCount"] >= LOOPS and state["Running"] and age_s(state["StartedAt"]) < RECENT_S


def own(one: Inspected) -> bool:
    """Whether a container is up and has a network of its own: neither the machine's nor another container's."""
    mode = str((one.get("HostConfig") or {}).get("NetworkMode"))
    return not (one["State"].get("Paused") or one["State"].get("Restarting")) and mode != "host" and ":" not in mode


def published(one: Inspected) -> list[tuple[int, str]]:
    """The ports of a container that are published, with their protocol."""
    ports = (one.get("NetworkSettings") or {}).get("Ports") or {}
    return [(int(port), protocol) for key, bound in ports.items() if bound
            for port, _, protocol in [key.partition("/")]]  # fmt: skip


def given(one: Inspected) -> dict[str, str]:
    """The environment that a container was made with."""
    lines = [line.partition("=") for line in one["Config"].get("Env") or []]
    return {name: value for name, _, value in lines}
