"""How one service of a start is judged as time passes."""

import time

import pytest

from stack.docker import Container
from stack.output.progress import Progress
from stack.running import start as starting
from stack.running import watching
from stack.running.watching import Failure, Watch
from tests.synthetic import facts, planned

WEB = planned(facts({"web": {}})).plan.services[0]


class Start:
    """One service under watch, at a time that the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.watch, self.now = Watch(), 0.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def look(self, at: float, health: str, state: str = "running", code: int = 0) -> list[Failure]:
        self.now = at
        have = [Container("c1", "p-web-1", "web", state, health, code, "", "", "")]
        return watching.look(WEB, have, True, self.watch, 300, Progress())


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    return Start(monkeypatch)


def test_a_container_that_runs_has_its_whole_time_whatever_its_check_says(start: Start) -> None:
    assert start.look(0, "starting") == start.look(10, "unhealthy") == start.look(299, "unhealthy") == []
    assert start.look(300, "healthy") == []
    assert "web" in start.watch.settled


@pytest.mark.parametrize("health", ["unhealthy", "starting"])
def test_when_its_time_is_over_it_has_failed(start: Start, health: str) -> None:
    assert start.look(0, health) == []
    assert start.look(301, health) == [Failure("web", "not healthy within 300 s", "c1")]


def test_what_was_well_and_is_not_for_a_moment_has_the_whole_time_again(start: Start) -> None:
    start.look(0, "healthy")
    assert start.look(1140, "unhealthy") == []
    assert "web" not in start.watch.settled
    assert start.look(1439, "unhealthy") == []
    assert start.look(1441, "unhealthy") == [Failure("web", "not healthy within 300 s", "c1")]


def test_what_has_ended_is_not_waited_for(start: Start) -> None:
    assert start.look(0, "", "exited", 3) == [Failure("web", "exited 3", "c1")]


def test_what_this_start_left_as_it_was_is_told_as_running(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    start.watch.before.add("c1")
    start.look(0, "healthy")
    assert capsys.readouterr().err == "0:00 web: running already\n"


@pytest.mark.parametrize(("resting", "counts"), [(set(), False), ({"c1"}, True)])
def test_who_ran_before_is_not_this_starts_because_the_engine_restarts_it(resting: set[str], counts: bool) -> None:
    """Compose stops one that ends and is restarted over and over, to make it anew: its end is no failure."""
    watch, happened = Watch(before={"c1"}, resting=resting), watching.Events()
    happened.put({"action": "start", "container": "c1", "code": ""})
    watching.take(happened, watch)
    ended = Container("c1", "p-web-1", "web", "exited", "", 143, "", "", "")
    assert starting._counts(ended, watch, done=False, failed=False) is counts
