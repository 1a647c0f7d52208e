"""Data that stays behind where a service comes from somewhere else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stack import docker
from stack.planning import behind, lastup
from tests.synthetic import facts, planned


def mounting(*keys: str) -> dict[str, Any]:
    return {"volumes": [{"type": "volume", "source": key, "target": "/data"} for key in keys]}


def told(root: Path, before: Mapping[str, Any], now: Mapping[str, Any], source: str = "build") -> list[str]:
    """The sentences and the way back, where the service `db` was started and is now planned with these volumes."""
    lastup.write(root, before, {}, (), {"db": source})
    found = facts(now, options={"db": ["build"]})
    found.model["volumes"] = {
        "data": {"name": "p_data"},
        "build-data": {"name": "p_build-data"},
        "shared": {"name": "p_shared"},
    }
    return [f"{one.message} | {one.fix}" for one in behind.problems(planned(found, root=root))]


@pytest.fixture(autouse=True)
def there(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The volumes of the project that the engine has, by their name in the files."""
    volumes = {"data": "p_data", "build-data": "p_build-data", "shared": "p_shared"}
    monkeypatch.setattr(docker, "volumes_of", lambda _: {name: key for key, name in volumes.items()})
    return volumes


LINE = ("db: the data that it had stays behind in p_build-data; from container it has p_data, p_shared"
        " | ./inv source --service db --to build")  # fmt: skip


def test_another_volume_names_the_one_that_stays_and_the_way_back(tmp_path: Path) -> None:
    assert told(tmp_path, {"db": mounting("build-data", "shared")}, {"db": mounting("data", "shared")}) == [LINE]


def test_so_does_none(tmp_path: Path) -> None:
    [line] = told(tmp_path, {"db": mounting("build-data")}, {"db": {}})
    assert "stays behind in p_build-data; from container it has no volume here" in line


@pytest.mark.parametrize(
    ("before", "now", "source"),
    [
        ({"db": mounting("data")}, {"db": mounting("data")}, "build"),
        ({"db": mounting("build-data")}, {"db": mounting("data"), "heir": mounting("build-data")}, "build"),
        ({"other": mounting("build-data")}, {"db": mounting("data")}, "build"),
        ({"db": mounting("build-data")}, {"db": mounting("data")}, "localhost"),
        ({"db": mounting("gone")}, {"db": mounting("data")}, "build"),
    ],
    ids=["the same", "another has it", "of nobody planned", "from elsewhere: no data", "no longer there"],
)
def test_otherwise_nothing_is_said(
    tmp_path: Path, before: Mapping[str, Any], now: Mapping[str, Any], source: str
) -> None:
    assert told(tmp_path, before, now, source) == []


def test_a_volume_that_would_be_made_empty_beside_a_restored_one_is_told(tmp_path: Path, there: dict[str, str]) -> None:
    both = {"db": mounting("data", "shared")}
    there |= {"data": "p_data-3", "shared": "p_shared-2"}
    [line] = told(tmp_path, both, both)
    assert line == ("p_data, p_shared would be made empty, though p_data-3, p_shared-2 are there"
                    " | ./inv env.set DATA_VOLUMES data=3,shared=2")  # fmt: skip
    there.clear()
    assert told(tmp_path, both, both) == []
