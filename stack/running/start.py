"""Starting the planned services and waiting until each is as it should be.

One `docker compose up` starts them in their order, and is asked again where it gave up too early; what happens is
followed by the engine's own events."""

import contextlib
import json
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from stack import compose, docker
from stack.docker import Container
from stack.output.progress import Progress
from stack.planning.plan import Plan, Service
from stack.running import checks, watching
from stack.running.watching import Events, Failure, Watch

GAVE_UP = re.compile(r"container (\S+) (?:is unhealthy|exited \(\d+\))")
"""Compose's words when it waits no longer for a dependency: one failed row of checks, or one end, is enough for it."""
MOVED = re.compile(r"No such container: (\w+)|removal of container (\w+) is already in progress"
                   r"|is already in use by container \"?(\w+)")  # fmt: skip
"""The engine's words when a container went, or took the name, after Compose had looked: the Compose of an `up` that
was killed is at work beside this one and may well be ending."""
MAKE_LIMIT_S = 120.0


class Job(msgspec.Struct, frozen=True):
    """What is to be started: the plan, the services to name, those of them that have a healthcheck, and those that
    already are as they should be. Of a service in `replaces`, the containers named there go once new ones are healthy,
    and others have had `unseen` seconds to find those."""

    root: Path
    plan: Plan
    names: list[str]
    checked: set[str]
    well: set[str] = set()
    replaces: dict[str, list[str]] = {}
    unseen: float = 0.0


class Idle(msgspec.Struct, frozen=True):
    """A container that does not run: what the engine said as it would not start it, and the networks it is made for."""

    service: str
    id: str
    error: str
    networks: list[str]


class Composing(msgspec.Struct, frozen=True):
    """A Compose at work, and what it has said of errors."""

    process: "subprocess.Popen[str]"
    reader: threading.Thread
    lines: list[str]

    def over(self) -> bool:
        """Whether it has ended, and all that it said is read."""
        return not self.reader.is_alive()

    def failed(self) -> bool:
        """Whether it has ended with an error."""
        return self.over() and self.process.returncode != 0


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
    """Have Compose start the services, again and again while that helps, and wait for them."""
    there = docker.containers(job.plan.project)
    resting = {c.id for c in there if c.state not in ("running", "restarting")}
    watch = Watch(before={c.id for c in there}, resting=resting)
    renewed: set[str] = set()
    moved: set[str] = set()
    with checks.run(job.plan.project), watching.events(job.plan.project) as happened:
        while True:
            with _composing(job, flags, happened) as composing:
                failures = _wait(job, composing, happened, watch, timeout, progress)
            # What was made anew is not made anew again for another's sake.
            flags = [flag for flag in flags if flag != "--force-recreate"]
            if fallen := _fallen(failures, happened, watch) - renewed:
                watch.resting |= {failure.container for failure in failures}
                _again(sorted(fallen), watch, progress)
                renewed |= fallen
                job = msgspec.structs.replace(job, well=job.well - fallen)
                continue
            if failures or not composing.failed():
                return failures + watch.warnings
            if since := _moved(composing.lines) - moved:
                moved |= since
                while any(c.state == "removing" for c in docker.containers(job.plan.project)):
                    watching.take(happened, watch)
                continue
            idle = _idle(job)
            old = _stale(idle, watch.before) - renewed
            refused = [Failure(one.service, one.error, one.id) for one in idle if one.error]
            blamed = _blamed(job, composing.lines)
            ended = [Failure(one.service, f"exited {one.exit_code}", one.id) for one in blamed if one.state == "exited"]
            if old:
                _renew(job, sorted(old), progress)
                renewed |= old
            elif refused or ended or not blamed:
                return (refused or ended or [Failure("", _words(composing.lines))]) + watch.warnings


def _fallen(failures: list[Failure], happened: Events, watch: Watch) -> set[str]:
    """The services that ran already, so that Compose left them alone, and ended meanwhile: a `down` or `stop` that was
    cut off had told the engine to stop them."""
    if any(failure.container in watch.before for failure in failures):
        watching.take(happened, watch)
    return {failure.service for failure in failures if failure.container in watch.before}


def _again(services: list[str], watch: Watch, progress: Progress) -> None:
    """Tell of services that are to be started once more, and give them their time anew."""
    for name in services:
        watch.started.pop(name, None)
        progress.tell(name, "was being stopped, and is started again")


@contextlib.contextmanager
def _composing(job: Job, flags: list[str], happened: Events) -> Iterator[Composing]:
    """A Compose that starts the services; one that still runs when the block is left is ended."""
    args = [*compose.words(), "--progress", "quiet", "-p", job.plan.project, "up", "-d", "--no-build", "--pull",
            "never", "--no-deps", *flags, *job.names]  # fmt: skip
    # Without an input, as Compose would ask there, unseen, whether to lose a volume whose definition changed.
    env = docker.environment(compose.RARELY_COLLECTED)
    process = subprocess.Popen(args, cwd=job.root, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)  # fmt: skip
    lines: list[str] = []

    def read() -> None:
        assert process.stderr is not None
        lines.extend(process.stderr)
        process.wait()

    def told() -> None:
        reader.join()
        happened.put({})

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    threading.Thread(target=told, daemon=True).start()
    try:
        yield Composing(process, reader, lines)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    """End a Compose that still runs, as Ctrl-C would: it stops waiting and leaves what runs alone."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(job: Job, composing: Composing, happened: Events, watch: Watch, timeout: float,
          progress: Progress) -> list[Failure]:  # fmt: skip
    """Follow the services until all are there, one has failed, or Compose has ended and asking it again may help."""
    wanted = {service.name: service for service in job.plan.services if service.name in job.names}
    for service in wanted.values():
        _begun(job, service, watch, progress)
    while True:
        # Asked first: what Compose did before it ended is then sure to be seen.
        done = composing.over()
        failed = done and composing.failed()
        there = watching.by_service(docker.containers(job.plan.project))
        failures = []
        for name, service in wanted.items():
            have = [c for c in there.get(name, [])
                    if _counts(c, watch, done, failed) and c.name not in job.replaces.get(name, [])]  # fmt: skip
            failures += watching.look(service, have, name in job.checked, watch, timeout, progress)
        if failures or (done and len(watch.settled) == len(wanted)):
            return failures
        if failed and not (_blames(composing) and any(_recovers(there.get(name, [])) for name in job.checked)):
            return []
        watching.take(happened, watch)


def _begun(job: Job, service: Service, watch: Watch, progress: Progress) -> None:
    if service.name in job.well:
        progress.tell(service.name, watching.already(service.one_shot))
    elif service.name not in watch.started:
        waits = ", ".join(service.depends_on)
        progress.tell(service.name, f"waiting for {waits}" if waits else "starting")


def _counts(container: Container, watch: Watch, done: bool, failed: bool) -> bool:
    """Whether a container's state tells something. While Compose is at work, what is from before may be stopped, and
    may go; and what ended before a Compose that failed was not its doing."""
    if container.id not in watch.before:
        return True
    return done and not (failed and container.state == "exited")


def _recovers(have: list[Container]) -> bool:
    """Whether one of these containers, of a service with a healthcheck, runs and may yet get healthy."""
    return any(c.state in ("running", "restarting") and c.health != "healthy" for c in have)


def _blames(composing: Composing) -> bool:
    return any(GAVE_UP.search(line) for line in composing.lines)


def _blamed(job: Job, lines: list[str]) -> list[Container]:
    """The containers for which Compose gave up waiting, as they are now: they may have got well since."""
    names = {found[1] for line in lines if (found := GAVE_UP.search(line))}
    return [c for c in docker.containers(job.plan.project) if c.name in names] if names else []


def _moved(lines: list[str]) -> set[str]:
    """The containers, by the engine's id, that another Compose took away or made while this one was at work. Asked
    again, it sees what there is now; one that is named twice is no matter of time. Pure."""
    return {identity for line in lines for found in MOVED.finditer(line) for identity in found.groups() if identity}


def _idle(job: Job) -> list[Idle]:
    """The containers of the named services that do not run."""
    there = {c.id: c.service for c in docker.containers(job.plan.project)
             if c.service in job.names and c.state in ("created", "exited") and not c.one_off}  # fmt: skip
    if not there:
        return []
    layout = "{{.Id}} {{json .State.Error}} {{range .NetworkSettings.Networks}}{{.NetworkID}} {{end}}"
    # One that has gone in between makes the client fail, and is not missed.
    rows = docker.run(["inspect", "--format", layout, *there]).stdout.splitlines()
    return [_read(there, row) for row in rows if row]


def _read(there: dict[str, str], row: str) -> Idle:
    identity, _, rest = row.partition(" ")
    error, end = json.JSONDecoder().raw_decode(rest)
    return Idle(there[identity], identity, error, rest[end:].split())


def _stale(idle: list[Idle], before: set[str]) -> set[str]:
    """The services with a container of an earlier start that the engine can't start any more, or that was made for the
    same network that is gone. Pure."""
    errors = " ".join(one.error for one in idle)
    return {one.service for one in idle
            if one.id in before and (one.error or any(network in errors for network in one.networks))}  # fmt: skip


def _renew(job: Job, services: list[str], progress: Progress) -> None:
    """Make the containers of some services anew: what they were made for, a network say, is no longer there. Raises
    StackError in Compose's words where it can't."""
    for name in services:
        progress.tell(name, "made anew, as the engine can't start it any more")
    args = ["compose", "--progress", "quiet", "-p", job.plan.project, "up", "--no-start", "--no-build", "--pull",
            "never", "--no-deps", "--force-recreate", *services]  # fmt: skip
    docker.ask(args, cwd=job.root, text="", timeout=MAKE_LIMIT_S)


def _words(lines: list[str]) -> str:
    told = [line.strip() for line in lines if line.strip() and "level=warning" not in line]
    return " / ".join(told[-3:]) or "Compose failed without a reason"
