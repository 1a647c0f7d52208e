"""Probes from a healthcheck. Pure.

Docker never ends a container that is unhealthy, and nobody sends it away: so there is no liveness probe. Readiness is
what health means to others here: whether the service's name leads there."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from stack.kubernetes.words import Object, plain
from stack.planning.healthcheck import INTERVAL_S, seconds

STARTING_S = 1800.0
"""The least time that a container has until its check first passes. The kubelet ends one that takes longer, Docker does
not; and a database ended while it fills its volume is not whole."""
RETRIES = 3
"""How often a check fails before it counts, in both (docs.docker.com, HEALTHCHECK; kubernetes.io, Probes)."""


def of(check: Mapping[str, Any]) -> Object:
    """The probes of a healthcheck: nothing where there is none. Until it first passes it is asked as quickly as
    start_interval says, afterwards as interval does."""
    command = _command(check.get("test") or [])
    if check.get("disable") or not command:
        return {}
    interval = seconds(check.get("interval") or "") or INTERVAL_S
    quick = seconds(check.get("start_interval") or "") or min(interval, 5.0)
    retries = int(check.get("retries") or RETRIES)
    start = max(seconds(check.get("start_period") or "") + retries * interval, STARTING_S)
    timeout = seconds(check.get("timeout") or "") or INTERVAL_S
    ask: Object = {"exec": {"command": command}, "timeoutSeconds": _whole(timeout)}
    period = _whole(quick)
    return {
        "startupProbe": {**ask, "periodSeconds": period, "failureThreshold": ceil(start / period)},
        "readinessProbe": {**ask, "periodSeconds": _whole(interval), "failureThreshold": retries},
    }


def _command(test: str | list[str]) -> list[str]:
    """A check's words. Unlike a container's command, none of them is searched for variables by the documentation, so a
    dollar stands once; that is right as well where it is searched, unless it names a variable with `$(NAME)`."""
    kind, *words = ["CMD-SHELL", test] if isinstance(test, str) else test or ["NONE"]
    if kind == "NONE":
        return []
    said = [plain(word) for word in words]
    return ["/bin/sh", "-c", *said] if kind == "CMD-SHELL" else said


def _whole(value: float) -> int:
    return max(ceil(value), 1)
