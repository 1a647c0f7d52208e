"""Volumes that were made otherwise than the files now define them."""

from pathlib import Path
from typing import Any

import pytest

from stack import docker
from stack.planning import definitions, lastup
from stack.planning.definitions import Definition
from stack.planning.planner import Planned
from tests.synthetic import facts, planned

BIND = {"type": "none", "o": "bind", "device": "/srv/data"}


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the engine says of each volume that it has, by name."""
    there: dict[str, Any] = {"p_data": {"Name": "p_data", "Driver": "local", "Options": None}}

    def inspected(kind: str, names: list[str]) -> list[Any]:
        assert kind == "volumes"
        return [there[name] for name in names if name in there]

    monkeypatch.setattr(docker, "inspected", inspected)
    return there


def of(root: Path, **definition: Any) -> Planned:
    """A plan of one service whose volume is defined so."""
    found = facts({"db": {"volumes": [{"type": "volume", "source": "data", "target": "/data"}]}})
    found.model["volumes"] = {"data": {"name": "p_data", **definition}}
    return planned(found, root=root)


def test_options_that_a_filled_volume_lacks_are_told_and_the_way_to_keep_the_data(tmp_path: Path) -> None:
    [problem] = definitions.problems(of(tmp_path, driver_opts=BIND))
    assert "volume p_data was made with other driver_opts.device, driver_opts.o, driver_opts.type" in problem.message
    assert "its data stays where it was" in problem.message
    assert "name: p_data-2" in problem.fix
    assert " rm " not in problem.fix


def test_one_in_the_users_override_counts(tmp_path: Path) -> None:
    (tmp_path / "compose.override.yaml").write_text("volumes: {data: {driver_opts: {size: 1}}}\n")
    assert "driver_opts.size" in definitions.problems(of(tmp_path))[0].message


def test_options_that_were_taken_away_are_told_after_the_start_that_had_them(
    tmp_path: Path, engine: dict[str, Any]
) -> None:
    engine["p_data"]["Options"] = BIND
    lastup.write(tmp_path, {}, {}, special=definitions.special(definitions.defined(of(tmp_path, driver_opts=BIND))))
    assert definitions.problems(of(tmp_path, driver_opts=BIND)) == []
    assert "driver_opts.device" in definitions.problems(of(tmp_path))[0].message


@pytest.mark.parametrize("definition", [{}, {"external": True, "driver": "nfs"}], ids=["plain", "external"])
def test_the_engine_is_not_asked_for_others(
    tmp_path: Path, definition: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(docker, "run")
    assert definitions.problems(of(tmp_path, **definition)) == []


def test_one_that_is_not_there_yet_is_made_as_the_files_say(tmp_path: Path, engine: dict[str, Any]) -> None:
    engine.clear()
    assert definitions.problems(of(tmp_path, driver_opts=BIND)) == []


def test_what_differs_is_named() -> None:
    assert definitions.differing(Definition("nfs", {"a": "1"}), Definition("local", {"a": "2", "b": "1"})) == [
        "driver", "driver_opts.a", "driver_opts.b",
    ]  # fmt: skip
