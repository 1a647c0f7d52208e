"""Services that are still starting when their own healthcheck says that they should be done."""

from collections.abc import Iterable

from stack.doctor import inspected, words
from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.inspected import Inspected
from stack.doctor.scene import Scene

SECOND = 10**9
"""Nanoseconds, in which the engine counts."""
DEFAULTS = {"Interval": 30 * SECOND, "Timeout": 30 * SECOND, "Retries": 3, "StartPeriod": 0}
"""The engine's own, where a healthcheck does not say (docs.docker.com, Dockerfile reference, HEALTHCHECK)."""


def _run(scene: Scene) -> Iterable[Finding]:
    for name, running in scene.running().items():
        late = [one for one in running if words.health(one) == "starting" and _age(one) > allowed_s(one)]
        if late:
            seen = f"{name} is still starting after {_age(late[0]):.0f} s; it has {allowed_s(late[0]):.0f} s"
            fix = f"docker compose logs --tail 50 {name}, or wait: a first start may load gigabytes"
            yield Finding(seen + words.last_lines(late[0]), "what waits for it has not started", fix, WARNING, name)


def _age(one: Inspected) -> float:
    return inspected.age_s(one["State"]["StartedAt"])


def allowed_s(one: Inspected) -> float:
    """Seconds that a healthcheck gives its container to get healthy. Pure."""
    check = {**DEFAULTS, **{k: v for k, v in (one["Config"].get("Healthcheck") or {}).items() if v}}
    period, tries = int(check["StartPeriod"]), int(check["Retries"])
    return (period + tries * (int(check["Interval"]) + int(check["Timeout"]))) / SECOND


CHECK = Check(
    id="slow-start",
    section="services",
    holds="nothing takes longer to start than it has time for",
    run=_run,
    needs=("planned", "engine", "up"),
    of_services=True,
)
