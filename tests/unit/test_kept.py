"""The secrets that a volume keeps: what it was filled with is known, and is no secret."""

from pathlib import Path

import pytest

from stack import docker
from stack.planning import kept
from stack.planning.kept import Keeper
from stack.planning.planner import Planned
from tests.synthetic import facts, planned

VALUES = {"DB_PASSWORD": "first-word", "OTHER": "x"}


@pytest.fixture
def volumes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The volumes that the engine has."""
    there: list[str] = []
    monkeypatch.setattr(docker, "volumes", lambda: set(there))
    return there


def _planned(root: Path) -> Planned:
    db = {"volumes": [{"type": "volume", "source": "data", "target": "/data"}]}
    found = facts({"db": db, "web": {}}, entries={"db": {"kept": {"DB_PASSWORD": "taken at first"}}})
    found.model["volumes"] = {"data": {"name": "p_data"}}
    return planned(found, root=root)


def _changed(root: Path, **values: str) -> list[str]:
    [keeper] = kept.keepers(_planned(root))
    return kept.changed(keeper, kept.read(root), {**VALUES, **values})


def test_who_keeps_what_in_which_volume_is_read_off_the_plan(tmp_path: Path) -> None:
    assert kept.keepers(_planned(tmp_path)) == [Keeper("db", {"DB_PASSWORD": "taken at first"}, ["p_data"])]


def test_a_secret_that_was_changed_after_its_volume_was_filled_is_told(tmp_path: Path, volumes: list[str]) -> None:
    kept.before(_planned(tmp_path), VALUES)
    assert _changed(tmp_path) == []
    assert _changed(tmp_path, DB_PASSWORD="second-word") == ["DB_PASSWORD"]
    assert _changed(tmp_path, OTHER="y") == []


def test_a_start_with_another_secret_does_not_change_what_the_volume_was_filled_with(
    tmp_path: Path, volumes: list[str]
) -> None:
    kept.before(_planned(tmp_path), VALUES)
    volumes.append("p_data")
    other = {**VALUES, "DB_PASSWORD": "second-word"}
    kept.before(_planned(tmp_path), other)
    kept.after(_planned(tmp_path), other)
    assert _changed(tmp_path, DB_PASSWORD="second-word") == ["DB_PASSWORD"]


def test_a_volume_that_is_filled_anew_keeps_the_new_secret(tmp_path: Path, volumes: list[str]) -> None:
    kept.before(_planned(tmp_path), VALUES)
    kept.before(_planned(tmp_path), {"DB_PASSWORD": "second-word"})
    assert _changed(tmp_path, DB_PASSWORD="second-word") == []


def test_a_volume_from_before_is_marked_once_it_has_opened(tmp_path: Path, volumes: list[str]) -> None:
    volumes.append("p_data")
    kept.before(_planned(tmp_path), VALUES)
    assert kept.read(tmp_path) == {}
    kept.after(_planned(tmp_path), VALUES)
    assert _changed(tmp_path, DB_PASSWORD="second-word") == ["DB_PASSWORD"]


def test_the_record_holds_no_secret_and_is_for_its_owner_alone(tmp_path: Path, volumes: list[str]) -> None:
    kept.before(_planned(tmp_path), VALUES)
    path = kept.path(tmp_path)
    assert "first-word" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_secret_that_its_program_was_given_is_what_the_volume_keeps_from_then_on(
    tmp_path: Path, volumes: list[str]
) -> None:
    kept.before(_planned(tmp_path), VALUES)
    kept.renew(tmp_path, "DB_PASSWORD", "second-word")
    kept.renew(tmp_path, "OTHER", "y")
    assert _changed(tmp_path, DB_PASSWORD="second-word") == []
    assert _changed(tmp_path) == ["DB_PASSWORD"]
    assert "second-word" not in kept.path(tmp_path).read_text()
