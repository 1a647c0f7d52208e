"""Where news come from: the checkout's files, the engine's events, memory and processor, and who holds the lock.

What takes more than a moment runs in a thread, one at a time; the rest on the server's own."""

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from stack import docker, tree
from stack.commands import status
from stack.errors import StackError
from stack.planning import checkouts
from stack.planning.planner import Planned
from stack.running import usage
from stack.ui import looking, streams
from stack.ui.hub import Hub

T = TypeVar("T")

FILES_S = 1.0
"""Seconds between two looks at the files and the lock."""
SAMPLE_S = 5.0
SAMPLES = 120
"""Ten minutes of them."""
AGAIN_S = 1.0
"""Seconds after which an engine that has gone is asked again."""
SETTLE_S = 1.0
"""Seconds after an event for which more are waited for, before the plan is compared anew."""
LOOKS_S = (0.05, 0.2, SETTLE_S)
"""Seconds between the looks after an event: an engine says that a container died before its list has it so."""
BACK_S = 3600.0
"""Seconds before the server's start whose events are asked for: an engine remembers the last 256 of any kind."""
REMEMBERED = 300
"""Events that the timeline has."""
ONE_OFF = docker.LABELS["one_off"]
WATCHED = (".env", "compose.yaml", "compose.override.yaml", "images.lock", "kong/kong.yml",
           "compose/*.yml", "overrides/*/*.yml", ".stack/record/*.json")  # fmt: skip


class Watch:
    """What is known of the stack, and the tasks that keep it so."""

    def __init__(self, root: Path, hub: Hub) -> None:
        self.root, self._hub = root, hub
        self.planned: Planned | None = None
        self._ids: dict[str, list[str]] = {}
        self._moved = True
        self._known: dict[str, dict[str, Any]] = {}
        self._changed: set[str] = set()
        self._samples: deque[dict[str, Any]] = deque(maxlen=SAMPLES)
        self._happened: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self._stirred, self._outdated = asyncio.Event(), asyncio.Event()
        self._turn = asyncio.Lock()
        self._since = time.time() - BACK_S

    def tasks(self) -> list[asyncio.Task[None]]:
        """Begin to watch."""
        parts = (self._files, self._engine, self._states, self._plans, self._measure)
        return [asyncio.create_task(part()) for part in parts]

    async def thread(self, call: Callable[..., T], *values: Any) -> T:
        """The value of a call that takes a while, one at a time: planning is work for the processor."""
        async with self._turn:
            return await asyncio.to_thread(call, *values)

    async def plan(self) -> Planned:
        """The plan. Raises StackError where there is none."""
        if self.planned is None:
            planned, problems = await self.thread(status.drawn_up, self.root)
            if planned is None:
                raise StackError(problems)
            self.planned = planned
        return self.planned

    async def _files(self) -> None:
        """Notice what anybody changes, and who holds the lock."""
        before: dict[Path, tuple[int, int]] | None = None
        while True:
            now = marks(self.root, self._roots())
            if now != before:
                before = now
                self.planned = None
                self._stirred.set()
                self._outdated.set()
                self._hub.publish("timeline", await self.thread(looking.timeline, self.root))
            holder = tree.holder(self.root)
            # To show what a command would change, this server itself holds it for a moment.
            self._hub.publish("busy", "" if f"(process {os.getpid()})" in holder else holder)
            await asyncio.sleep(FILES_S)

    def _roots(self) -> list[str]:
        return self.planned.checkout.roots if self.planned else ["", "local"]

    async def _engine(self) -> None:
        """Follow the engine's events; whether it answers, the look says that follows on each change."""
        while True:
            with contextlib.suppress(StackError):
                project = checkouts.project_name(self.root)
                async with contextlib.aclosing(streams.events(project, self._since)) as events:
                    async for event in events:
                        self._stirred.set()
                        if event:
                            self._take(event)
                        else:
                            self._outdated.set()
            # The stream has ended: the engine went, or was never there; what it then did, no event tells.
            self._changed.update(self._known)
            self._stirred.set()
            await asyncio.sleep(AGAIN_S)

    def _take(self, event: dict[str, Any]) -> None:
        self._since = event["timeNano"] / 1e9 + 1e-6
        self._changed.add(event["Actor"]["ID"])
        if not of_compose(event):
            return
        told = of_event(event)
        self._happened.append(told)
        self._hub.publish("event", told, keep=False)
        self._hub.keep("happened", list(self._happened))
        self._outdated.set()

    async def _states(self) -> None:
        """After each event, how every service is, and whether that was all."""
        waits: Iterator[float] = iter(())
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), next(waits, None))
            if self._stirred.is_set():
                waits = iter(LOOKS_S)
            self._stirred.clear()
            try:
                # Beside a plan that is compared, but not before there is one.
                data = await (asyncio.to_thread if self.planned else self.thread)(self._looked)
                self._hub.publish("engine", {"answers": True, "said": ""})
                self._hub.publish("status", data)
            except StackError as error:
                self._hub.publish("engine", {"answers": False, "said": error.problems[0].message})

    def _looked(self) -> dict[str, Any]:
        planned, problems = (self.planned, []) if self.planned else status.drawn_up(self.root)
        self.planned = planned
        # What an event told of is asked for anew; so is what changes while this look goes on, by the next one.
        changed, self._changed = self._changed, set()
        for one in changed:
            self._known.pop(one, None)
        found = status.of(planned, problems, (), stats=False, known=self._known)
        self._moved = True
        return {**found.data, "at": time.time(), "problems": msgspec.to_builtins(found.problems)}

    def _running(self) -> dict[str, list[str]]:
        """The containers that run, by service; none where no engine answers."""
        ids: dict[str, list[str]] = {}
        with contextlib.suppress(StackError):
            for container in docker.containers(checkouts.project_name(self.root)):
                if container.state == "running" and not container.one_off:
                    ids.setdefault(container.service, []).append(container.id)
        return ids

    async def _plans(self) -> None:
        """After a change, and once events have settled, the plan and what differs from it."""
        while True:
            await self._outdated.wait()
            self._outdated.clear()
            self._hub.publish("plan", await self.thread(self._drawn))
            await asyncio.sleep(SETTLE_S)

    def _drawn(self) -> dict[str, Any]:
        planned, problems = (self.planned, []) if self.planned else status.drawn_up(self.root)
        self.planned = planned
        if planned is None:
            return looking.broken(problems)
        try:
            return looking.graph(planned)
        except StackError as error:
            return looking.broken(error.problems)

    async def _measure(self) -> None:
        """Memory and processor of each service, again and again."""
        before: tuple[float, dict[str, float]] = (0.0, {})
        while True:
            await asyncio.sleep(SAMPLE_S)
            if self._moved:
                self._moved = False
                self._ids = await asyncio.to_thread(self._running)
            if not self._ids:
                continue
            now = time.monotonic()
            ids = [one for found in self._ids.values() for one in found]
            used, spent = usage.memory(ids), usage.processor(ids)
            rates = shares(before[1], spent, now - before[0])
            before = (now, spent)
            sample = {"at": time.time(), "services": summed(self._ids, used, rates)}
            self._samples.append(sample)
            self._hub.publish("sample", sample, keep=False)
            self._hub.keep("samples", list(self._samples))


def marks(root: Path, roots: Iterable[str]) -> dict[Path, tuple[int, int]]:
    """What changes when a file does that a plan, or the record, is made from."""
    found = {}
    for base in (root / name for name in roots):
        for pattern in WATCHED:
            for path in base.glob(pattern):
                with contextlib.suppress(OSError):
                    state = path.stat()
                    found[path] = (state.st_mtime_ns, state.st_ino)
    return found


def shares(before: dict[str, float], after: dict[str, float], seconds: float) -> dict[str, float]:
    """The part of one processor that each container took; of a new one nothing is known yet. Pure."""
    return {one: max(used - before[one], 0.0) / seconds for one, used in after.items() if one in before}


def summed(ids: dict[str, list[str]], used: dict[str, int], rates: dict[str, float]) -> dict[str, list[float | None]]:
    """Bytes and part of a processor of each service, of all its containers together. Pure."""

    def total(values: dict[str, Any], of: list[str]) -> float | None:
        known = [values[one] for one in of if one in values]
        return round(sum(known), 4) if known else None

    return {name: [total(used, of), total(rates, of)] for name, of in ids.items()}


def of_compose(event: dict[str, Any]) -> bool:
    """Whether an event is of a container that Compose keeps for a service: others may have its labels from the image.
    Pure."""
    attributes = event["Actor"]["Attributes"]
    return "com.docker.compose.container-number" in attributes and attributes.get(ONE_OFF) != "True"


def of_event(event: dict[str, Any]) -> dict[str, Any]:
    """An event of the engine as the timeline has it. Pure."""
    attributes = event["Actor"]["Attributes"]
    action, _, more = event["Action"].partition(": ")
    return {
        "at": event["timeNano"] / 1e9,
        "service": attributes.get("com.docker.compose.service", ""),
        "action": action,
        "more": more or attributes.get("exitCode", ""),
        "container": attributes.get("name", ""),
    }
