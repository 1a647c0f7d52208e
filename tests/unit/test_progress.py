"""What a long command says while it works, with its clock."""

import io
import re
import sys

import pytest
from rich.console import Console

from stack.output import progress
from stack.output.progress import Progress


class Clock:
    """Time that passes when it is told to."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (7.9, "0:07"), (60, "1:00"), (4505, "75:05")])
def test_a_time_is_written_as_a_clock_shows_it(seconds: float, text: str) -> None:
    assert progress.minutes(seconds) == text


def test_without_a_terminal_each_change_is_a_line_with_the_time_and_shares_of_bytes_are_none(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Progress()
    told.tell("redis", "starting")
    clock.now += 64
    for state in ("starting", "40 %", "healthy in 63.9 s"):
        told.tell("redis", state)
    told.say("redis is built here")
    assert capsys.readouterr().err.splitlines() == [
        "0:00 redis: starting", "1:04 redis: healthy in 63.9 s", "1:04 redis is built here",
    ]  # fmt: skip


def test_a_step_within_a_step_leaves_the_lines_live(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", shown)
    told = Progress()
    with told.shown():
        with told.shown():
            told.tell("repository", "done")
        told.tell("redis", "taking in 172 B")
    assert "redis: taking" not in shown.getvalue()
    assert "taking in 172 B" in shown.getvalue()


def test_in_a_terminal_the_clock_of_what_is_on_its_way_goes_on(clock: Clock) -> None:
    told = Progress()
    told.tell("redis", "healthy in 2.0 s")
    told.tell("kong", "left out")
    told.tell("backend", "starting")
    clock.now += 75
    console = Console(width=60, no_color=True)
    with console.capture() as shown:
        console.print(told._table())
    lines = [re.split(r"\s{2,}", line.strip()) for line in shown.get().splitlines()]
    assert lines == [
        ["0:00", "redis", "healthy in 2.0 s"],
        ["0:00", "kong", "left out"],
        ["1:15", "backend", "starting"],
    ]
