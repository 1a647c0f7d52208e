"""Whether the engine's clock is this machine's: a key signed by one is refused by the other."""

import datetime as dt
import time
from collections.abc import Iterable

from stack.doctor.check import ERROR, WARNING, Check, Finding
from stack.doctor.scene import Scene

NOTED_S, BROKEN_S = 5, 60
"""Seconds: what a question to the engine may take at most, and the leeway that verifiers of tokens give as a rule."""


def _run(scene: Scene) -> Iterable[Finding]:
    said = str(scene.info.get("SystemTime") or "")
    return findings(seconds(said) - time.time()) if said else []


def seconds(stamp: str) -> float:
    """A time as the engine writes it (RFC 3339, up to nanoseconds), in seconds since 1970. Pure."""
    return dt.datetime.fromisoformat(stamp).timestamp()


def findings(ahead: float) -> list[Finding]:
    """What a difference comes to; `ahead` is by how many seconds the engine's clock is ahead. Pure."""
    if abs(ahead) < NOTED_S:
        return []
    seen = f"the engine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    causes = "tokens are refused as expired or not yet valid, and logs are out of order"
    fix = "restart the machine that the engine runs in (Docker Desktop: Restart), or sudo timedatectl set-ntp true"
    return [Finding(seen, causes, fix, ERROR if abs(ahead) >= BROKEN_S else WARNING)]


CHECK = Check(
    id="clock",
    section="machine",
    holds="the engine's clock is this machine's",
    run=_run,
    needs=("engine", "info"),
)
