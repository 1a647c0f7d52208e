"""Data goes only when it was named and agreed to."""

import sys
from pathlib import Path

import pytest

from stack import docker, tree
from stack.commands import down
from stack.docker import Container
from stack.errors import StackError, fail
from stack.planning import checkouts
from stack.running import history, objects


def test_the_data_is_named_where_the_engine_measures_for_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> str:
        raise fail("docker", "a disk usage operation is already running")

    monkeypatch.setenv("DOCKER_HOST", "tcp://nowhere.invalid:1")  # the client is asked
    monkeypatch.setattr(docker, "ask", busy)
    assert down.sized(["p_data"]) == ["p_data (size unknown)"]
    monkeypatch.setattr(docker, "ask", lambda *_, **__: "p_data 48.2MB\nother 1B\n")
    assert down.sized(["p_data"]) == ["p_data (48.2MB)"]


def owned(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[Container]:
    monkeypatch.setattr(sys, "stdin", None)  # nobody can be asked
    folder.mkdir()
    return [Container("1", "p-web-1", "web", "running", "", 0, "hash", "", str(folder))]


def test_what_a_living_checkout_started_is_taken_over_once_that_is_agreed_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    running = owned(monkeypatch, other)
    told = [f"took over what was started in {other}"]
    assert down.taken_over(tmp_path, "p", running, volumes=True, yes=True) == told
    (other / "inv").write_text("#!/bin/sh\n")
    with pytest.raises(StackError) as refused:
        down.taken_over(tmp_path, "p", running, volumes=False, yes=False)
    assert "p-web-1" in refused.value.problems[0].message
    assert refused.value.problems[0].fix == "./inv down --yes"
    assert down.taken_over(tmp_path, "p", running, volumes=False, yes=True) == told
    with pytest.raises(StackError, match="the data of p is that of"):
        down.taken_over(tmp_path, "p", running, volumes=True, yes=True)


def test_what_this_folder_started_needs_no_word(tmp_path: Path) -> None:
    running = [Container("1", "p-web-1", "web", "running", "", 0, "hash", "", str(tmp_path))]
    assert down.taken_over(tmp_path, "p", running, volumes=True, yes=False) == []


def test_the_projects_name_holds_beside_lines_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PROJECT_NAME=mine\nA: 1\n")
    assert checkouts.project_name(tmp_path) == "mine"
    (tmp_path / ".env").write_text("PROJECT_NAME: mine\n")
    with pytest.raises(StackError, match="is written with : for ="):
        checkouts.project_name(tmp_path)


def test_what_is_taken_away_is_told_before_it_takes_its_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def slow(project: str) -> int:
        assert "mine: stopping 1 container\n" in capsys.readouterr().err
        return 1

    monkeypatch.setattr(objects, "remove_containers", slow)
    monkeypatch.setattr(objects, "remove_networks", lambda _: (1, []))
    assert down.ended("mine", 1) == (1, 1, [])
    assert down.removed("mine", 1, 2, 0) == "removed 1 container and 2 networks of mine"
    assert down.removed("mine", 5, 1, 3) == "removed 5 containers, 1 network and 3 volumes of mine"
    assert down.removed("mine", 0, 0, 0) == "there was nothing of mine to remove"


@pytest.mark.parametrize(("containers", "forgotten"), [(0, []), (2, ["mine"])])
def test_a_name_that_nothing_has_takes_no_record_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, containers: int, forgotten: list[str]
) -> None:
    (tmp_path / ".env").write_text("PROJECT_NAME=mine\n")
    told: list[str] = []
    monkeypatch.setattr(tree, "root", lambda: tmp_path)
    monkeypatch.setattr(docker, "containers", lambda _: [])
    monkeypatch.setattr(objects, "volumes", lambda _: [])
    monkeypatch.setattr(objects, "remove_volumes", lambda _: None)
    monkeypatch.setattr(down, "ended", lambda *_: (containers, 0, []))
    monkeypatch.setattr(history, "forget", lambda _, project: told.append(project))
    down.run(volumes=True, yes=True)
    assert told == forgotten
