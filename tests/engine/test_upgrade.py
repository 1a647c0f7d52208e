"""Services moved to newer images of a real registry: one after the other, and back where one fails."""

import os
import random
from collections.abc import Iterator

import pytest

from tests.engine.support import images, registries, upgrades
from tests.engine.support.stacks import Stack, remove


@pytest.fixture
def port(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> Iterator[int]:
    """A registry with app:1, and app:2, in which nothing can be run. What came from it is forgotten afterwards."""
    with registries.registry(tmp_path_factory.mktemp("registry")) as found:
        images.publish_telling(found, "first")
        images.publish(found, "app:2", images.layer({}))
        yield found
    # An image in use would stay.
    remove(stack.project)
    images.forget(found, "app")


@pytest.fixture
def started(stack: Stack, port: int) -> Stack:
    """An app that waits for a store and has a job that waits for it."""
    (stack.root / "pins.yml").write_text("[]\n")
    stack.service("store")
    stack.service("app", image=f"${{APP_IMAGE:-127.0.0.1:{port}/app:1}}", depends_on=["store"],
                  healthcheck={"test": "read -r found < /which", "interval": "1s"})  # fmt: skip
    stack.service("job", command=["true"], restart="no", depends_on=["app"])
    stack.up()
    return stack


def _which(stack: Stack) -> str:
    return stack.exec("app", "sh", "-c", images.WHICH).strip()


def _starts(stack: Stack) -> list[tuple[str, str]]:
    return [(one["command"], one["outcome"]) for one in stack.inv("history", "--json").json["data"]["starts"]]


def test_a_locked_tag_moves_when_it_is_asked_for_and_a_broken_one_comes_back(started: Stack, port: int) -> None:
    stack, image = started, f"127.0.0.1:{port}/app:1"
    [locked] = stack.inv("lock", "--json").json["data"]["images"]
    stack.up()
    images.publish_telling(port, "second")
    told = stack.inv("outdated", "--json").json["data"]
    [moved] = told["moved"]
    assert (moved["image"], moved["locked"]) == (image, locked["digest"])
    assert moved["download_bytes"] > 10_000
    store, job = stack.one("store")["Id"], stack.one("job")["State"]["StartedAt"]
    asked = stack.inv("upgrade")
    assert asked.code == 1
    assert f"app: {image}@{moved['locked']} → {image}@{moved['now']} (image, " in asked.err
    assert _which(stack) == "first"
    done = stack.inv("upgrade", "--yes", "--json")
    assert done.code == 0, done
    assert done.json["data"]["moved"] == ["app"]
    assert _which(stack) == "second"
    assert stack.one("store")["Id"] == store
    assert stack.one("job")["State"]["StartedAt"] != job
    assert stack.inv("outdated", "--json").json["data"]["moved"] == []
    assert "nothing is known to be newer" in stack.inv("upgrade", "--yes").out
    # The next one can't run. All goes back, the setting that named it, too.
    before = (stack.root / "images.lock").read_bytes()
    assert stack.inv("env.set", "APP_IMAGE", f"127.0.0.1:{port}/app:2").code == 0
    failed = stack.inv("upgrade", "--yes", "--timeout", "30", "--json")
    assert failed.code == 1
    [told] = [problem for problem in failed.problems if problem["code"] == "upgrade"]
    assert "all is as it was before" in told["message"]
    assert _which(stack) == "second"
    assert "APP_IMAGE" not in stack.env()
    assert (stack.root / "images.lock").read_bytes() == before
    assert _starts(stack)[:3] == [
        ("./inv upgrade --yes --timeout 30 --json", "done"),
        ("./inv upgrade --yes --timeout 30 --json", "failed"),
        ("./inv upgrade --yes --json", "done"),
    ]
    assert "everything already is as planned" in stack.up().out


def test_without_a_lock_the_tag_is_pulled_anew_and_a_rollback_has_the_old_one(started: Stack, port: int) -> None:
    stack = started
    assert "nothing is known to be newer" in stack.inv("upgrade", "app", "--yes").out
    images.publish_telling(port, "second")
    stack.up()
    assert _which(stack) == "first"
    done = stack.inv("upgrade", "app", "--yes")
    assert (done.code, _which(stack)) == (0, "second"), done
    assert not (stack.root / "images.lock").exists()
    assert stack.inv("rollback", "--yes").code == 0
    assert _which(stack) == "first"
    wrong = stack.inv("upgrade", "ap", "--yes")
    assert (wrong.code, 'did you mean "app"?' in wrong.err) == (2, True)


def test_data_is_saved_first_and_comes_back_from_an_image_that_spoils_it(stack: Stack, port: int) -> None:
    bad = images.layer({**images.root_filesystem(), "bad": b"", "which": b"bad\n"})
    images.publish(port, "app:3", bad)
    (stack.root / "pins.yml").write_text("[]\n")
    # The newer one gets healthy, and has no answer any more.
    question = ["sh", "-c", "[ ! -e /bad ] && read -r kept < /data/kept && echo $$kept"]
    stack.service("app", image=f"${{APP_IMAGE:-127.0.0.1:{port}/app:1}}", volumes=["data:/data"],
                  command=["sh", "-c", "[ ! -e /bad ] || echo spoilt > /data/kept; exec sleep infinity"],
                  healthcheck={"test": "read -r found < /which", "interval": "1s"},
                  entry={"backup": {"question": question}})  # fmt: skip
    stack.volume("app", "data")
    stack.up()
    stack.exec("app", "sh", "-c", "echo mine > /data/kept")
    # Locked since that start, which is not to be lost by going back to it.
    assert stack.inv("lock").code == 0
    locked = (stack.root / "images.lock").read_bytes()
    stack.inv("env.set", "APP_IMAGE", f"127.0.0.1:{port}/app:3")
    failed = stack.inv("upgrade", "--yes", "--json")
    assert failed.code == 1, failed
    assert "backup-question" in [problem["code"] for problem in failed.problems]
    assert "all is as it was before" in failed.out
    assert _which(stack) == "first"
    assert stack.exec("app", "sh", "-c", "read -r kept < /data/kept; echo $kept").strip() == "mine"
    assert stack.env()["DATA_VOLUMES"] == "data=2"
    assert (stack.root / "images.lock").read_bytes() == locked
    # What the other made of it is still there, for a look.
    assert len(stack.listed("volume")) == 2


def test_cut_off_anywhere_nothing_is_half_and_the_next_command_goes_on_or_back(stack: Stack, port: int) -> None:
    upgrades.run(stack, port, 2, 5, lambda _: None)


@pytest.mark.soak
def test_sixty_upgrades_and_rollbacks_are_cut_off_and_nothing_is_half(
    stack: Stack, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)

    seed = int(os.environ.get("KILLS_SEED") or random.SystemRandom().randrange(10**6))
    upgrades.run(stack, port, int(os.environ.get("KILLS") or 60), seed, say)
