"""Starting the planned services and waiting until each is as it should be.

One `docker compose up` starts them in their order; what happens is followed by the engine's own events."""

import contextlib
import json
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from stack import docker
from stack.output.progress import Progress
from stack.planning.changes import Container
from stack.planning.plan import Plan, Service

TICK = 1.0
"""Seconds between looks where no event comes: time-outs are noticed that late at most."""
LOOPS = 3
"""Exits after which a container that restarts counts as failed."""
NEXT_PROBE = 35.0
"""Seconds for a container that was unhealthy before to be probed again: Docker's own interval is 30."""


class Failure(msgspec.Struct, frozen=True):
    """A service that did not get there, and why; `container` is empty where it has none. With a `retry` command it
    is a warning: the others work without."""

    service: str
    why: str
    container: str = ""
    retry: str = ""


class Job(msgspec.Struct, frozen=True):
    """What is to be started: the plan, the services to name, and those of them that have a healthcheck. Of a service
    in `replaces`, the containers named there go once new ones are healthy, and others have had `unseen` seconds to
    find those."""

    root: Path
    plan: Plan
    names: list[str]
    checked: set[str]
    replaces: dict[str, list[str]] = {}
    unseen: float = 0.0


class Watch(msgspec.Struct):
    """What is known while waiting: when each service was first seen running, with what codes each container ended,
    since when who is there; which containers are from before this start and were not started again, and which of
    them were unhealthy."""

    started: dict[str, float] = {}
    exits: dict[str, list[str]] = {}
    settled: dict[str, float] = {}
    before: set[str] = set()
    sick: set[str] = set()
    warnings: list[Failure] = []


def start(job: Job, recreate: bool, timeout: float, progress: Progress) -> list[Failure]:
    """Start the named services and wait: healthy, or exited 0 for a one-shot. `timeout` is in seconds per service
    from its start. Gives back the services that failed."""
    if recreate or not job.replaces:
        return _compose(job, ["--force-recreate"] if recreate else [], timeout, progress)
    others = [name for name in job.names if name not in job.replaces]
    failed = _compose(msgspec.structs.replace(job, names=others), [], timeout, progress) if others else []
    if any(not failure.retry for failure in failed):
        return failed
    return failed + _replace(msgspec.structs.replace(job, names=list(job.replaces)), timeout, progress)


def _replace(job: Job, timeout: float, progress: Progress) -> list[Failure]:
    """Start new containers beside the old ones; these go when the new ones serve. A failure leaves them all."""
    old = {name: len(names) for name, names in job.replaces.items()}
    counts = [f"{s.name}={s.containers + old[s.name]}" for s in job.plan.services if s.name in old]
    scales = [word for count in counts for word in ("--scale", count)]
    failed = _compose(job, ["--no-recreate", *scales], timeout, progress)
    if failed:
        return failed
    # Who asked for the name just before keeps that answer so long.
    time.sleep(job.unseen)
    # Of more containers than there should be, Compose takes those of another configuration away first.
    return _compose(job, [], timeout, progress)


def _compose(job: Job, flags: list[str], timeout: float, progress: Progress) -> list[Failure]:
    plan = job.plan
    args = ["docker", "compose", "--progress", "quiet", "-p", plan.project, "up", "-d", "--no-build", "--pull", "never",
            "--no-deps", *flags, *job.names]  # fmt: skip
    there = docker.containers(plan.project)
    watch = Watch(before={c.id for c in there}, sick={c.id for c in there if c.health == "unhealthy"})
    with _events(plan.project) as events:
        # Without an input, as Compose would ask there, unseen, whether to lose a volume whose definition changed.
        composing = subprocess.Popen(args, cwd=job.root, env=docker.environment(), stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                     start_new_session=True)  # fmt: skip
        errors = _collect(composing, events)
        try:
            failures = _wait(job, composing, events, watch, timeout, progress)
            if not failures and composing.returncode:
                failures = [Failure("", _last_words(errors))]
            return failures + watch.warnings
        finally:
            _end(composing)


def _collect(process: "subprocess.Popen[str]", events: "queue.Queue[dict[str, str]]") -> list[str]:
    """Read the process's errors as they come, and tell the queue when it has ended."""
    lines: list[str] = []

    def read() -> None:
        assert process.stderr is not None
        lines.extend(process.stderr)
        process.wait()
        events.put({})

    threading.Thread(target=read, daemon=True).start()
    return lines


def _end(process: "subprocess.Popen[str]") -> None:
    """End a Compose that still runs, as Ctrl-C would: it stops waiting and leaves what runs alone."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _last_words(lines: list[str]) -> str:
    told = [line.strip() for line in lines if line.strip() and "level=warning" not in line]
    return " / ".join(told[-3:]) or "Compose failed without a reason"


@contextlib.contextmanager
def _events(project: str) -> Iterator["queue.Queue[dict[str, str]]"]:
    """The project's container events, in a queue, while the block runs."""
    # From now on, so that nothing is missed before the engine listens.
    args = ["docker", "events", "--since", f"{time.time():.3f}", "--filter", "type=container", "--filter",
            f"label={docker.PROJECT_LABEL}={project}", "--format", "{{json .}}"]  # fmt: skip
    process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               env=docker.environment(), start_new_session=True)  # fmt: skip
    found: queue.Queue[dict[str, str]] = queue.Queue()
    threading.Thread(target=_read_events, args=(process, found), daemon=True).start()
    try:
        yield found
    finally:
        process.terminate()
        process.wait()


def _read_events(process: "subprocess.Popen[str]", found: "queue.Queue[dict[str, str]]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        code = event["Actor"]["Attributes"].get("exitCode", "")
        found.put({"action": event["Action"].split(":")[0], "container": event["Actor"]["ID"], "code": code})


def _wait(job: Job, composing: "subprocess.Popen[str]", events: "queue.Queue[dict[str, str]]", watch: Watch,
          timeout: float, progress: Progress) -> list[Failure]:  # fmt: skip
    wanted = {service.name: service for service in job.plan.services if service.name in job.names}
    for name, service in wanted.items():
        progress.tell(name, f"waiting for {', '.join(service.depends_on)}" if service.depends_on else "starting")
    while True:
        # Asked first: what Compose did before it ended is then sure to be seen.
        done = composing.poll() is not None
        there = _group(docker.containers(job.plan.project))
        failures = []
        for name, service in wanted.items():
            # While Compose is at work, what is from before may be stopped, and may go.
            have = [c for c in there.get(name, [])
                    if (done or c.id not in watch.before) and c.name not in job.replaces.get(name, [])]  # fmt: skip
            failures += _look(service, have, name in job.checked, watch, timeout, progress)
        if failures or (done and (composing.returncode or len(watch.settled) == len(wanted))):
            return failures
        _next(events, watch)


def _group(containers: Iterable[Container]) -> dict[str, list[Container]]:
    found: dict[str, list[Container]] = {}
    for container in containers:
        if not container.one_off:
            found.setdefault(container.service, []).append(container)
    return found


def _next(events: "queue.Queue[dict[str, str]]", watch: Watch) -> None:
    """Wait for something to happen, then take all that has happened."""
    with contextlib.suppress(queue.Empty):
        event = events.get(timeout=TICK)
        while True:
            if event.get("action") == "die":
                watch.exits.setdefault(event["container"], []).append(event["code"])
            elif event.get("action") == "start":
                watch.before.discard(event["container"])
            event = events.get_nowait()


def _look(service: Service, have: list[Container], checked: bool, watch: Watch, timeout: float,
          progress: Progress) -> list[Failure]:  # fmt: skip
    """One service's state now: told, and a failure where it is one."""
    name, one_shot = service.name, service.one_shot
    running = [c for c in have if c.state in ("running", "restarting", "exited")]
    if len(running) < service.containers:
        return []
    now = time.monotonic()
    since = watch.started.setdefault(name, now)
    if now - since > min(timeout, NEXT_PROBE):
        watch.sick.clear()
    bad = next((why for c in have if c.id not in watch.sick or c.health != "unhealthy"
                if (why := _wrong(c, one_shot, watch.exits.get(c.id, [])))), None)  # fmt: skip
    if bad and service.retry:
        progress.tell(name, f"failed, and the others go on without: {bad}")
        if name not in watch.settled:
            watch.settled[name] = now
            watch.warnings.append(Failure(name, bad, have[0].id, service.retry))
        return []
    if bad:
        progress.tell(name, f"failed: {bad}")
        return [Failure(name, bad, have[0].id)]
    if all(_there(c, one_shot, checked) for c in have):
        watch.settled.setdefault(name, now)
        progress.tell(
            name, f"{'done' if one_shot else have[0].health or 'running'} in {watch.settled[name] - since:.1f} s"
        )
        return []
    watch.settled.pop(name, None)
    progress.tell(name, "starting")
    # A job that may fail is bounded by its own tries: a model may take an hour to arrive.
    if now - since > timeout and not service.retry:
        progress.tell(name, f"failed: not {'done' if one_shot else 'healthy'} in time")
        return [Failure(name, f"not {'done' if one_shot else 'healthy'} within {timeout:.0f} s", have[0].id)]
    return []


def _wrong(container: Container, one_shot: bool, exits: list[str]) -> str:
    if container.health == "unhealthy":
        return "unhealthy"
    if container.state == "exited" and (container.exit_code or not one_shot):
        return f"exited {container.exit_code}"
    return f"keeps exiting ({len(exits)} times, last with {exits[-1]})" if len(exits) >= LOOPS else ""


def _there(container: Container, one_shot: bool, checked: bool) -> bool:
    """Whether a container is where it should be. Right after its start the engine knows no health yet, so one
    that has a healthcheck must be healthy in so many words."""
    if one_shot:
        return container.state == "exited" and container.exit_code == 0
    return container.state == "running" and container.health in ({"healthy"} if checked else {"", "healthy"})
