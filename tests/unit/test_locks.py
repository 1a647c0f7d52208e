"""The lock of images: what it does to a plan, its file, and what an image is now."""

from pathlib import Path
from typing import Any

import pytest

from stack import docker
from stack.errors import StackError
from stack.planning import locks, model
from stack.planning.locks import Locked
from stack.running import locking
from stack.running.registries import Answer, Manifest

ONE, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
MODEL: dict[str, Any] = {"services": {
    "redis": {"image": "redis:7"}, "cache": {"image": "redis:7"}, "own": {"image": "own:1", "build": {"context": "."}},
    "exact": {"image": f"app:1@{OTHER}"}, "gone": None,
}}  # fmt: skip


def test_a_locked_tag_is_run_by_its_digest_and_nothing_else_changes() -> None:
    made = model.services(locks.applied(MODEL, {"redis:7": Locked(ONE), "own:1": Locked(ONE), "app:1": Locked(ONE)}))
    assert {name: service["image"] for name, service in made.items()} == {
        "redis": f"redis:7@{ONE}", "cache": f"redis:7@{ONE}", "own": "own:1", "exact": f"app:1@{OTHER}",
    }  # fmt: skip
    assert locks.applied(MODEL, {}) is MODEL


def test_a_mirror_names_a_locked_image_as_it_names_any() -> None:
    made = model.mirrored(locks.applied(MODEL, {"redis:7": Locked(ONE)}), "mirror.example/hub")
    assert model.services(made)["redis"]["image"] == f"mirror.example/hub/library/redis:7@{ONE}"


def test_the_file_comes_back_and_its_order_is_that_of_the_names(tmp_path: Path) -> None:
    table = {"b:1": Locked(ONE, platforms=["linux/amd64"], download_bytes=7), "a:1": Locked(OTHER)}
    locks.write(tmp_path, table)
    text = (tmp_path / locks.FILE).read_text()
    assert text.index('"a:1"') < text.index('"b:1"')
    assert locks.read(tmp_path) == table
    locks.write(tmp_path, {})
    assert not (tmp_path / locks.FILE).exists()
    assert locks.read(tmp_path) == {}


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version":2,"images":{}}', '{"version":1,"images":{"a":{"digest":"x"}}}']
)
def test_a_file_that_is_no_lock_is_told_with_what_to_type(tmp_path: Path, text: str) -> None:
    (tmp_path / locks.FILE).write_text(text)
    with pytest.raises(StackError) as caught:
        locks.read(tmp_path)
    assert (caught.value.problems[0].code, caught.value.problems[0].where) == ("images-lock", locks.FILE)
    assert "./inv lock" in caught.value.problems[0].fix


def test_what_is_planned_and_not_locked_is_told_where_there_is_a_lock() -> None:
    table = {"redis:6": Locked(ONE)}
    [problem] = locks.problems(["redis:7", f"app:1@{OTHER}", "new:1"], table)
    assert "new:1, redis:7 (it has 6)" in problem.message
    assert locks.problems(["redis:7"], {}) == []
    assert locks.problems(["redis:6"], table) == []


def test_an_older_tag_goes_once_another_is_locked_unless_a_file_still_names_it() -> None:
    table = {"redis:6": Locked(ONE), "redis:7": Locked(ONE), "app:1": Locked(ONE)}
    assert locks.without_older(table, ["redis:7"], {"redis:7"}).keys() == {"redis:7", "app:1"}
    assert locks.without_older(table, ["redis:7"], {"redis:6", "redis:7"}).keys() == table.keys()


def test_an_image_that_came_in_a_file_counts_by_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [
        {"Id": "sha256:a", "RepoTags": ["hub/library/redis:7"], "RepoDigests": None},
        {"Id": "sha256:b", "RepoTags": ["hub/library/app:1"], "RepoDigests": [f"hub/library/app@{ONE}"]},
    ]  # fmt: skip
    monkeypatch.setattr(docker, "listed_images", lambda: there)
    table = {"redis:7": Locked(ONE, "sha256:a"), "app:1": Locked(ONE, "sha256:b"), "no:1": Locked(ONE, "sha256:c")}
    assert locks.loaded(table, "hub") == {"redis:7"}
    assert locks.loaded({"redis:7": Locked(ONE, "sha256:z")}, "hub") == set()


ROW = {"Id": "sha256:a", "RepoTags": ["redis:7"], "RepoDigests": [f"mirror/redis@{OTHER}", f"redis@{ONE}"],
       "Os": "linux", "Architecture": "arm64", "Variant": "v8", "Size": 9, "Created": "2026-10-01"}  # fmt: skip


def test_an_image_here_has_the_digest_of_its_own_repository() -> None:
    found = locking.of_engine([ROW], "redis:7")
    assert found == Locked(ONE, "sha256:a", ["linux/arm64/v8"], None, 9, "2026-10-01")
    assert locking.of_engine([ROW], "redis:8") is None


def test_what_came_in_a_file_is_locked_only_where_the_registry_has_the_same() -> None:
    here = locking.of_engine([{**ROW, "RepoDigests": []}], "redis:7")
    same = Manifest(ONE, ["linux/arm64"], 5, "", "sha256:a")
    assert locking.judged(Answer("r", manifest=same), here).locked == locking.of_registry(same)
    assert "has another one" in locking.judged(Answer("r", manifest=Manifest(ONE, [], 5, "", "sha256:b")), here).why
    assert locking.judged(Answer("r", why="silent"), here).why.endswith("came in a file: silent")
    assert locking.judged(Answer("r", why="silent"), None).why == "r: silent"
