"""What becomes of the containers of a start: the engine's events, and each service's state made of them."""

import contextlib
import json
import queue
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator

import msgspec

from stack import docker
from stack.docker import Container
from stack.output.progress import Progress
from stack.planning.plan import Service

TICK = 1.0
"""Seconds between looks where no event comes: time-outs are noticed that late at most."""
LOOPS = 3
"""Exits after which a container that restarts counts as failed."""

Events = queue.Queue[dict[str, str]]


class Failure(msgspec.Struct, frozen=True):
    """A service that did not get there, and why; `container` is empty where it has none. With a `retry` command it
    is a warning: the others work without."""

    service: str
    why: str
    container: str = ""
    retry: str = ""


class Watch(msgspec.Struct):
    """What is known while waiting: since when each service runs, with what codes each container ended, since when who
    is there; which containers are from before this start and were not started by it. Of those, `resting` did not run as
    it began: who ran may be started by the engine itself, again and again, until Compose stops it."""

    started: dict[str, float] = {}
    exits: dict[str, list[str]] = {}
    settled: dict[str, float] = {}
    before: set[str] = set()
    resting: set[str] = set()
    warnings: list[Failure] = []


@contextlib.contextmanager
def events(project: str) -> Iterator[Events]:
    """The project's container events, in a queue, while the block runs."""
    # From now on, so that nothing is missed before the engine listens.
    args = ["docker", "events", "--since", f"{time.time():.3f}", "--filter", "type=container", "--filter",
            f"label={docker.PROJECT_LABEL}={project}", "--format", "{{json .}}"]  # fmt: skip
    process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               env=docker.environment(), start_new_session=True)  # fmt: skip
    found: Events = queue.Queue()
    threading.Thread(target=_read, args=(process, found), daemon=True).start()
    try:
        yield found
    finally:
        process.terminate()
        process.wait()


def _read(process: "subprocess.Popen[str]", found: Events) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        code = event["Actor"]["Attributes"].get("exitCode", "")
        found.put({"action": event["Action"].split(":")[0], "container": event["Actor"]["ID"], "code": code})


def take(happened: Events, watch: Watch) -> None:
    """Wait for something to happen, TICK at most, then take all that has happened."""
    with contextlib.suppress(queue.Empty):
        event = happened.get(timeout=TICK)
        while True:
            if event.get("action") == "die":
                watch.exits.setdefault(event["container"], []).append(event["code"])
            elif event.get("action") == "start" and event["container"] in watch.resting:
                watch.before.discard(event["container"])
            event = happened.get_nowait()


def by_service(containers: Iterable[Container]) -> dict[str, list[Container]]:
    """Containers under their service's name, without those of `docker compose run`."""
    found: dict[str, list[Container]] = {}
    for container in containers:
        if not container.one_off:
            found.setdefault(container.service, []).append(container)
    return found


def look(service: Service, have: list[Container], checked: bool, watch: Watch, timeout: float,
         progress: Progress) -> list[Failure]:  # fmt: skip
    """One service's state now: told, and a failure where it is one. `checked` tells whether it has a healthcheck. A
    container that runs is waited for, healthy or not, until `timeout` (seconds since it ran, or was last well)."""
    running = [c for c in have if c.state in ("running", "restarting", "exited")]
    if len(running) < service.containers:
        return []
    now = time.monotonic()
    since = watch.started.setdefault(service.name, now)
    well = all(there(c, service.one_shot, checked) for c in have)
    bad = next((why for c in have if (why := wrong(c, service.one_shot, watch.exits.get(c.id, [])))), "")
    if well and (checked or not bad):
        watch.settled.setdefault(service.name, now)
        progress.tell(service.name, _well(service, have, watch, since))
        return []
    # What was well once has the whole time again.
    if watch.settled.pop(service.name, None) is not None and not bad:
        since = watch.started[service.name] = now
    bad = bad or _late(service, now - since, timeout)
    if not bad:
        sick = any(c.health == "unhealthy" for c in have)
        progress.tell(service.name, f"unhealthy so far; it has {timeout:.0f} s" if sick else "starting")
        return []
    return _failed(service, bad, have[0].id, watch, progress)


def _failed(service: Service, why: str, container: str, watch: Watch, progress: Progress) -> list[Failure]:
    """The failure; what the others can do without counts as settled, and leaves a warning."""
    if not service.retry:
        progress.tell(service.name, f"failed: {why}")
        return [Failure(service.name, why, container)]
    progress.tell(service.name, f"failed, and the others go on without: {why}")
    watch.settled[service.name] = time.monotonic()
    told = {warning.service for warning in watch.warnings}
    watch.warnings += [] if service.name in told else [Failure(service.name, why, container, service.retry)]
    return []


def _well(service: Service, have: list[Container], watch: Watch, since: float) -> str:
    """How a service that is there is told: what ran before, or was done before, took no time now."""
    if all(c.id in watch.before for c in have):
        return already(service.one_shot)
    state = "done" if service.one_shot else have[0].health or "running"
    return f"{state} in {watch.settled[service.name] - since:.1f} s"


def already(one_shot: bool) -> str:
    """What is told of a service that this start left as it was."""
    return "done already" if one_shot else "running already"


def _late(service: Service, waited: float, timeout: float) -> str:
    # A job that may fail is bounded by its own tries: a model may take an hour to arrive.
    if waited <= timeout or (service.one_shot and service.retry):
        return ""
    return f"not {'done' if service.one_shot else 'healthy'} within {timeout:.0f} s"


def wrong(container: Container, one_shot: bool, exits: list[str]) -> str:
    """Why a container can't become well any more; empty while it can. `exits` are the codes that it ended with."""
    if container.state == "exited" and (container.exit_code or not one_shot):
        return f"exited {container.exit_code}"
    return f"keeps exiting ({len(exits)} times, last with {exits[-1]})" if len(exits) >= LOOPS else ""


def there(container: Container, one_shot: bool, checked: bool) -> bool:
    """Whether a container is where it should be. Right after its start the engine knows no health yet, so one
    that has a healthcheck must be healthy in so many words."""
    if one_shot:
        return container.state == "exited" and container.exit_code == 0
    return container.state == "running" and container.health in ({"healthy"} if checked else {"", "healthy"})
