"""images.lock with a real registry: what is locked runs, whatever the tag becomes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.support import images, registries
from tests.engine.support.stacks import Stack, docker, run


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, base_image: str) -> Iterator[int]:
    """A registry whose app:1 says that it is the first. What came from it is forgotten afterwards."""
    with registries.registry(tmp_path_factory.mktemp("registry")) as found:
        images.publish_telling(found, "first")
        yield found
    images.forget(found, "app")


def _digests(stack: Stack) -> dict[str, str]:
    return {name: one["digest"] for name, one in json.loads((stack.root / "images.lock").read_text())["images"].items()}


def test_what_is_locked_runs_until_the_lock_is_given_up(stack: Stack, port: int, tmp_path: Path) -> None:
    image = f"127.0.0.1:{port}/app:1"
    stack.service("app", image=image)
    told = stack.inv("lock", "--json")
    [row] = told.json["data"]["images"]
    assert (row["image"], row["told_by"], row["services"]) == (image, "registry", ["app"])
    assert row["download_bytes"] > 10_000
    first = row["digest"]
    # The tag moves; locking again keeps what is locked.
    images.publish_telling(port, "second")
    assert stack.inv("lock", "--json").json["data"]["images"][0]["digest"] == first
    stack.up()
    assert stack.exec("app", "sh", "-c", images.WHICH).strip() == "first"
    assert f'image: "{image}@{first}"' in (stack.root / "compose.yaml").read_text()
    assert stack.compose("config", "-q").code == 0
    before = stack.identities()
    stack.up()
    assert stack.identities() == before
    # Given up, the tag counts again, and what it is now can be locked from this machine.
    assert "no longer locked" in stack.inv("lock", "app", "--remove").out
    stack.up()
    assert stack.exec("app", "sh", "-c", images.WHICH).strip() == "second"
    [row] = stack.inv("lock", "--json").json["data"]["images"]
    assert (row["told_by"], row["digest"] == first) == ("engine", False)
    # It came in a file: the engine has no digest of it, and it counts by its id.
    stack.inv("down")
    file = str(tmp_path / "app.tar")
    docker("save", "-o", file, image)
    run("docker", "rmi", "-f", row["id"])
    docker("load", "-i", file)
    stack.up("--offline")
    assert stack.exec("app", "sh", "-c", images.WHICH).strip() == "second"


def test_a_digest_that_the_registry_does_not_have_is_told_and_nothing_is_changed(stack: Stack, port: int) -> None:
    image = f"127.0.0.1:{port}/app:1"
    stack.service("app", image=image)
    stack.service("other", image=f"127.0.0.1:{port}/app:2")
    lost = f"sha256:{'0' * 64}"
    lock = stack.root / "images.lock"
    lock.write_text(json.dumps({"version": 1, "images": {image: {"digest": lost}}}))
    done = stack.inv("up", "--json", "--service", "app")
    [problem] = done.problems
    assert (done.code, problem["code"], problem["where"]) == (1, "pull-tag", f"{image}@{lost}")
    assert "no longer has this digest" in problem["message"]
    assert "./inv lock --remove" in problem["fix"]
    assert stack.containers() == {}
    told = stack.inv("plan", "--json")
    assert [p["message"].startswith("images.lock does not have 127.0.0.1") for p in told.problems] == [True]
    # What can't be locked is told; the rest is.
    lock.unlink()
    failed = stack.inv("lock", "--json")
    assert failed.code == 1
    assert [(p["code"], p["where"]) for p in failed.problems] == [("not-locked", f"127.0.0.1:{port}/app:2")]
    assert _digests(stack).keys() == {image}


def test_a_rollback_runs_what_a_moved_tag_was_and_later_starts_stay_with_it(stack: Stack, port: int) -> None:
    image = f"127.0.0.1:{port}/app:1"
    images.publish_telling(port, "old")
    docker("pull", "-q", image)
    stack.service("app", image=image)
    stack.up()
    images.publish_telling(port, "new")
    docker("pull", "-q", image)
    stack.up()
    assert stack.exec("app", "sh", "-c", images.WHICH).strip() == "new"
    # Not even the old image is here any more.
    old = stack.inv("history", "--json").json["data"]["starts"][1]["images"]["app"]
    run("docker", "rmi", "-f", old["id"])
    done = stack.inv("rollback", "--yes", "--json")
    assert done.code == 0, done
    assert done.json["data"]["pulls"] == [f"{image}@{old['digest']}"]
    assert stack.exec("app", "sh", "-c", images.WHICH).strip() == "old"
    assert _digests(stack) == {image: old["digest"]}
    stack.up()
    assert stack.exec("app", "sh", "-c", images.WHICH).strip() == "old"
    assert "locked" in stack.inv("lock", "--remove", "--service", "app").out
    stack.up()
    assert stack.exec("app", "sh", "-c", images.WHICH).strip() == "new"
