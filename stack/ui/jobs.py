"""One action at a time, as its commands in a process of their own, so that lock, progress, record and Ctrl-C are those
of a terminal."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from stack import docker
from stack.errors import INTERRUPTED, Problem, fail
from stack.ui.hub import Hub

KEPT = 2_000
"""Lines of an action that are kept."""
GRACE_S = 30.0
"""Seconds for a command to end after Ctrl-C, when the server ends."""


class Step(msgspec.Struct, frozen=True):
    """A command: its words (those behind `./inv`, or of another program), how a user would type it, and its standard
    input, which may be what the list of processes should not show."""

    words: list[str]
    shown: str
    text: str = ""
    other: bool = False


class Job(msgspec.Struct):
    """An action: its commands, the lines that they said so far, how it stands, what the last command gave back, and the
    action that may follow."""

    number: int
    title: str
    commands: list[str]
    began: float
    lines: list[str] = []
    state: str = "running"
    problems: list[Any] = []
    data: dict[str, Any] = {}
    then: Any = None


class Jobs:
    """The action that runs, or ran last."""

    def __init__(self, root: Path, hub: Hub) -> None:
        self._root, self._hub = root, hub
        self._job: Job | None = None
        self._child: asyncio.subprocess.Process | None = None
        self._work: asyncio.Task[None] | None = None

    def begin(self, title: str, steps: Sequence[Step], then: Any = None) -> Job:
        """Begin an action. Raises StackError while another one runs."""
        if self._job and self._job.state == "running":
            message = f"{self._job.title} is not done yet"
            raise fail("busy", message, fix="wait for it, or stop it")
        number = self._job.number + 1 if self._job else 1
        self._job = Job(number, title, [step.shown for step in steps], time.time(), then=then)
        self._tell()
        self._work = asyncio.create_task(self._run(self._job, steps))
        return self._job

    def stop(self) -> None:
        """Ctrl-C for what runs."""
        if self._child and self._child.returncode is None:
            os.killpg(self._child.pid, signal.SIGINT)

    async def end(self) -> None:
        """The same, and wait until it has ended."""
        self.stop()
        if self._work:
            await asyncio.wait([self._work], timeout=GRACE_S)

    async def _run(self, job: Job, steps: Sequence[Step]) -> None:
        code = 0
        for step in steps:
            self._say(job, [f"$ {step.shown}"])
            try:
                code = await self._one(job, step)
            except OSError as error:
                job.problems = [Problem("program", f"{step.words[0]} can't be run: {error.strerror}")]
                code = 1
            if code:
                break
        job.state = {0: "done", INTERRUPTED: "stopped"}.get(code, "failed")
        self._tell()

    async def _one(self, job: Job, step: Step) -> int:
        """One command, to its end; its exit code."""
        out = asyncio.subprocess
        isolated = ["-I"] if sys.flags.isolated else []
        python = [sys.executable, *isolated, "-m"]
        command = [*python, *(["stack.ui.alone", *step.words] if step.other else ["stack", *step.words, "--json"])]
        child = self._child = await asyncio.create_subprocess_exec(
            *command, cwd=self._root, env=docker.environment(), stdin=out.PIPE, stdout=out.PIPE, stderr=out.PIPE,
            start_new_session=True, limit=1 << 22)  # fmt: skip
        assert child.stdin
        assert child.stdout
        assert child.stderr
        child.stdin.write(step.text.encode())
        child.stdin.close()
        printed, _ = await asyncio.gather(child.stdout.read(), self._read(job, child.stderr))
        code = await child.wait()
        if not step.other:
            self._result(job, printed)
        elif code not in (0, INTERRUPTED):
            job.problems = [Problem("failed", f"{step.shown} ended with exit code {code}", fix="./inv doctor")]
        return code

    async def _read(self, job: Job, stream: asyncio.StreamReader) -> None:
        """Tell what a command says, line by line."""
        async for line in stream:
            self._say(job, [line.decode(errors="replace").rstrip()])

    def _result(self, job: Job, printed: bytes) -> None:
        """What a command's document has; lines of its own come as they are."""
        try:
            document = msgspec.json.decode(printed)
            job.problems, job.data = document["problems"], document["data"]
        except (msgspec.DecodeError, KeyError):
            self._say(job, printed.decode(errors="replace").splitlines())

    def _say(self, job: Job, lines: Sequence[str]) -> None:
        job.lines = [*job.lines, *lines][-KEPT:]
        self._hub.publish("line", {"number": job.number, "lines": lines}, keep=False)
        self._hub.keep("job", job)

    def _tell(self) -> None:
        self._hub.publish("job", self._job)
