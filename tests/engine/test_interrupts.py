"""Ctrl-C, SIGKILL and a second `up` at the same time: nothing is half-written, nothing goes on behind, and the next
`up` works."""

import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.engine.support import stacks
from tests.engine.support.ports import free_port
from tests.engine.support.stacks import Running, Stack

HELD = {"test": ["CMD", "test", "-e", "/tmp/go"], "interval": "1s", "retries": 1000}


def left_behind(root: Path) -> list[str]:
    """The command lines of processes that still work in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()) == root and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def runs_anywhere(step: str) -> bool:
    """Whether a process of this machine, in a container or not, has a build's step in its command line."""
    return any(step in " ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"]))


def waits(stack: Stack) -> None:
    """A service that is healthy once /tmp/go is there, a secret of its, and one that waits for it."""
    stack.service("web", entry={"secrets": {"WEB_KEY": "hex"}}, environment={"KEY": "${WEB_KEY}"}, healthcheck=HELD)
    stack.service("after", depends_on={"web": {"condition": "service_healthy"}})


def builds(stack: Stack, step: str) -> None:
    """A service whose image takes a step to build."""
    context = stack.root / "compose" / "made"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text(f"ARG BASE_IMAGE\nFROM ${{BASE_IMAGE}}\nRUN {step}\n")
    build = {"context": "./compose/made", "network": "host", "args": {"BASE_IMAGE": stacks.BASE}}
    stack.service("made", image=f"genai-stack-test/{stack.project}:1", build=build)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    port = free_port()
    with stacks.listener(port):
        yield port


def building(running: Running, stack: Stack, step: str) -> None:
    """Wait until the build has come to its step."""
    running.wait_for("made: building")
    log = stack.root / ".stack" / "log" / "build.log"
    stacks.until(lambda: log.exists() and step in log.read_text(), "the build's step")


def interrupted(running: Running, stack: Stack) -> None:
    """Ctrl-C ends the command with 130 and all that it started, and leaves whole files."""
    running.interrupt()
    assert running.end() == 130, running.text
    assert "Traceback" not in running.text
    assert "interrupted" in running.text
    stacks.until(lambda: left_behind(stack.root) == [], "the end of what the command started")
    assert stack.files_are_whole()
    assert stack.inv("env.check").code == 0


def test_ctrl_c_while_pulling_ends_the_pull_and_writes_nothing(stack: Stack, silent_port: int) -> None:
    stack.service("web", image=f"127.0.0.1:{silent_port}/web:1")
    before = (stack.root / ".env").read_bytes()
    running = stack.start("up")
    running.wait_for("web: pulling")
    interrupted(running, stack)
    assert (stack.root / ".env").read_bytes() == before
    assert not (stack.root / "compose.yaml").exists()
    assert stack.containers() == {}
    stack.service("web")
    stack.up()


def test_ctrl_c_while_building_ends_the_build_and_the_next_up_builds_again(stack: Stack) -> None:
    # No build of an earlier run may have left this very step in the engine's cache.
    step = f"sleep 301 && echo {uuid.uuid4()}"
    builds(stack, step)
    try:
        running = stack.start("up")
        building(running, stack, step)
        interrupted(running, stack)
        stacks.until(lambda: not runs_anywhere(step), "the end of the engine's own part of the build")
        assert stack.containers() == {}
        builds(stack, "true")
        stack.up()
    finally:
        stacks.remove(stack.project)
        stacks.run("docker", "rmi", "-f", f"genai-stack-test/{stack.project}:1")


def test_ctrl_c_while_waiting_leaves_what_runs_and_the_next_up_goes_on(stack: Stack) -> None:
    waits(stack)
    running = stack.start("up")
    running.wait_for("web: starting")
    stacks.until(lambda: stack.containers().get("web-1", {}).get("State", {}).get("Running"), "the start of web")
    interrupted(running, stack)
    key, before = stack.env()["WEB_KEY"], stack.one("web")["Id"]
    stack.exec("web", "touch", "/tmp/go")
    stack.up()
    assert stack.one("web")["Id"] == before
    assert stack.env()["WEB_KEY"] == key
    assert stack.one("after")["State"]["Running"]


def test_sigkill_at_any_of_these_moments_leaves_whole_files_and_the_next_up_works(stack: Stack) -> None:
    waits(stack)
    lock = stack.root / ".stack" / "lock.pid"
    moments: list[Callable[[Running], object]] = [
        lambda running: stacks.until(lock.exists, "the lock"),
        lambda running: stacks.until((stack.root / "compose.yaml").exists, "the assembled project"),
        lambda running: running.wait_for("web: starting"),
        lambda running: stacks.until(lambda: "web-1" in stack.containers(), "the first container"),
    ]
    keys = set()
    for moment in moments:
        running = stack.start("up")
        moment(running)
        running.kill()
        assert running.process.wait(stacks.PATIENCE) == -signal.SIGKILL
        assert stack.files_are_whole()
        keys |= {stack.env()["WEB_KEY"]} if "WEB_KEY" in stack.env() else set()
    running = stack.start("up")
    stacks.until(lambda: stack.containers().get("web-1", {}).get("State", {}).get("Running"), "the start of web")
    stack.exec("web", "touch", "/tmp/go")
    assert running.end() == 0, running.text
    assert len(keys | {stack.env()["WEB_KEY"]}) == 1
    assert stack.one("after")["State"]["Running"]
    stacks.until(lambda: left_behind(stack.root) == [], "the end of what the killed commands started")


def test_what_else_changes_the_checkout_waits_for_an_up_and_says_so(stack: Stack) -> None:
    waits(stack)
    stack.service("spare")
    first = stack.start("up")
    stacks.until(lambda: stack.containers().get("web-1", {}).get("State", {}).get("Running"), "the start of web")
    lines = (["env.set", "PUBLIC_HOST", "here.example"], ["source", "spare", "disabled"], ["down"], ["env.unset", "A"])
    *others, given_up = [stack.start(*line) for line in lines]
    for waiting in (*others, given_up):
        told = waiting.wait_for("waiting for")
        assert told == f"waiting for ./inv up (process {first.process.pid}), 60 s at most"
    given_up.interrupt()
    assert given_up.end() == 130, given_up.text
    assert stack.inv("plan").code == 0
    assert stack.inv("status").code == 0
    stack.exec("web", "touch", "/tmp/go")
    assert first.end() == 0, first.text
    for waiting in others:
        assert waiting.end() == 0, waiting.text
    assert stack.env()["PUBLIC_HOST"] == "here.example"
    assert stack.env()["SPARE_SOURCE"] == "disabled"
    assert stack.containers() == {}
