"""Healthchecks that are quick at first and slow afterwards, on engines that have a word for it and on those that have
none."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stack.planning import assembly, healthcheck, plan
from stack.planning.plan import Selection
from tests.synthetic import facts

OLD, NEW = (1, 43), (1, 44)
CHECK = {"test": ["CMD-SHELL", "ask"], "interval": "30s", "start_interval": "2s", "timeout": "5s", "retries": 3,
         "start_period": "1m0s"}  # fmt: skip


@pytest.mark.parametrize("api", [NEW, (1, 51), (2, 0)])
def test_an_engine_that_knows_the_start_interval_gets_it(api: tuple[int, int]) -> None:
    assert healthcheck.spoken(CHECK, api) == CHECK


@pytest.mark.parametrize("api", [OLD, (1, 24), (0, 0)])
def test_an_older_engine_asks_quickly_and_the_check_waits_for_the_rest(api: tuple[int, int]) -> None:
    made = healthcheck.spoken(CHECK, api)
    assert "start_interval" not in made
    assert (made["interval"], made["timeout"]) == ("2s", "33s")
    assert (made["retries"], made["start_period"]) == (3, "1m0s")
    assert "sleep 28" in made["test"][1]


@pytest.mark.parametrize("api", [OLD, NEW])
@pytest.mark.parametrize("check", [
    {"test": ["CMD-SHELL", "ask"], "interval": "5s"}, {"test": ["CMD", "ask"]}, {"test": ["NONE"]}, {"disable": True},
])  # fmt: skip
def test_a_check_without_a_start_interval_stays_as_it_is(check: dict[str, Any], api: tuple[int, int]) -> None:
    assert healthcheck.spoken(check, api) == check


@pytest.mark.parametrize("test", [["CMD", "ask", "-c", "line"], ["NONE"], ["CMD-SHELL"], None])
def test_what_no_shell_asks_stays_quick_on_an_older_engine(test: list[str] | None) -> None:
    made = healthcheck.spoken({**CHECK, "test": test}, OLD)
    assert (made["test"], made["interval"], made["timeout"]) == (test, "2s", "5s")


@pytest.mark.parametrize("head", [["CMD-SHELL"], ["CMD", "sh", "-c"], ["CMD", "bash", "-c"]])
def test_every_way_to_name_a_shell_counts(head: list[str]) -> None:
    made = healthcheck.spoken({**CHECK, "test": [*head, "ask"]}, OLD)
    assert made["test"] == [*head, healthcheck.patient("ask", 28)]


@pytest.mark.parametrize(("test", "line"), [
    (["CMD", "bash", "-c", "a && b"], ["CMD-SHELL", "bash -c 'a && b'"]),
    (["CMD", "ask", "it's\n"], ["CMD-SHELL", "ask 'it'\"'\"'s\n'"]),
    (["CMD", "ask", "--ready"], ["CMD", "ask", "--ready"]),
    (["CMD-SHELL", "a && b"], ["CMD-SHELL", "a && b"]),
    (["NONE"], ["NONE"]),
])  # fmt: skip
def test_podman_gets_words_with_spaces_as_one_line(test: list[str], line: list[str]) -> None:
    assert healthcheck.in_one_line({"test": test, "retries": 3}) == {"test": line, "retries": 3}
    assert healthcheck.in_one_line({"disable": True}) == {"disable": True}


def test_what_is_not_said_is_the_engines_own() -> None:
    made = healthcheck.spoken({"test": ["CMD-SHELL", "ask"], "start_interval": "500ms"}, OLD)
    assert (made["interval"], made["timeout"]) == ("0.5s", "60s")
    assert "sleep 30" in made["test"][1]


def test_a_start_interval_that_is_no_quicker_changes_nothing_else() -> None:
    made = healthcheck.spoken({**CHECK, "interval": "2s", "start_interval": "10s"}, OLD)
    assert (made["test"], made["timeout"]) == (CHECK["test"], "5s")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2s", 2), ("1m30s", 90), ("1h0m5s", 3605), ("500ms", 0.5), ("1.5s", 1.5), ("250us", 0.00025), ("", 0)],
)
def test_durations_are_read_as_compose_writes_them(text: str, expected: float) -> None:
    assert healthcheck.seconds(text) == pytest.approx(expected)


class Container:
    """A folder with what a check's shell finds in a container: a place for its mark, and a `sleep` that takes notes."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.folder, self.shell = folder, shell
        (folder / "shm").mkdir()
        (folder / "sleep").write_text(f'#!/bin/sh\necho "$1" >>{folder}/slept\n')
        (folder / "sleep").chmod(0o755)

    def ask(self, line: str) -> int:
        """What the check ends with."""
        made = re.sub(re.escape(healthcheck.WELL), str(self.folder / "shm" / "well"), healthcheck.patient(line, 28))
        made = made.replace("$$", "$")
        env = {"PATH": f"{self.folder}:{os.environ['PATH']}"}
        return subprocess.run([self.shell, "-c", made], env=env, capture_output=True, check=False).returncode

    @property
    def slept(self) -> list[str]:
        notes = self.folder / "slept"
        return notes.read_text().split() if notes.exists() else []


@pytest.fixture(params=["sh", "bash"])
def container(tmp_path: Path, request: pytest.FixtureRequest) -> Container:
    """One in which nothing was asked yet."""
    return Container(tmp_path, request.param)


def test_a_check_waits_only_after_it_has_passed(container: Container) -> None:
    assert container.ask("false") == 1
    assert container.ask("true") == 0
    assert container.slept == []
    assert container.ask("true") == 0
    assert container.slept == ["28"]
    assert container.ask("false") == 1
    assert container.slept == ["28", "28"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("exit 0", 0), ("exit 3", 3), ("no-such-program", 127), ("true || exit 1 # why", 0), ("exec true", 0),
        ("echo a | grep -q b", 1), ("false; true", 0), ("set -e\nfalse\ntrue", 1), ("exec 3</nowhere && true", None),
    ],
)  # fmt: skip
def test_the_line_ends_as_it_does_alone(container: Container, line: str, code: int | None) -> None:
    ended = container.ask(line)
    assert ended == code if code is not None else ended != 0
    assert (container.folder / "shm" / "well").exists() == (ended == 0)


def test_without_a_place_for_the_mark_a_check_passes_and_stays_quick(container: Container) -> None:
    (container.folder / "shm").rmdir()
    assert [container.ask("true"), container.ask("true"), container.ask("false")] == [0, 0, 1]
    assert container.slept == []


@pytest.mark.parametrize("api", [OLD, NEW])
def test_the_assembled_project_has_it_as_the_engine_takes_it(api: tuple[int, int]) -> None:
    found = facts({"web": {"healthcheck": CHECK}, "job": {}})
    made = assembly.cut(found.model, plan.compute(found, Selection(("core",))), {}, set(), api=api)
    assert made["services"]["web"]["healthcheck"] == healthcheck.spoken(CHECK, api)
    assert "healthcheck" not in made["services"]["job"]
