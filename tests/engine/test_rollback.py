"""What each start changed, and the way back from it."""

import random
import subprocess

import pytest

from tests.engine.support import stacks
from tests.engine.support.stacks import Stack, docker, run

BUILD = {"context": "./compose/made"}
MADE = "genai-stack/made-by-a-test:{}"


def _made(stack: Stack, version: str) -> None:
    """A service that is built here, with the version in its image."""
    folder = stack.root / "compose" / "made"
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(f"FROM {stacks.BASE}\nENV VERSION={version}\n")


def _starts(stack: Stack) -> list[tuple[int, str, list[tuple[str, str]]]]:
    starts = stack.inv("history", "--json").json["data"]["starts"]
    return [(one["number"], one["outcome"], [(c["action"], c["name"]) for c in one["changes"]]) for one in starts]


@pytest.fixture
def started(stack: Stack) -> Stack:
    """Two starts: the second with another mode, a new secret, a newer build, and a service more."""
    image = MADE.format(stack.project)
    _made(stack, "one")
    stack.service("made", image=image, build=BUILD)
    stack.service("web", environment={"MODE": "${WEB_MODE:-a}", "KEY": "${WEB_KEY:-}"},
                  entry={"secrets": {"WEB_KEY": "optional"}})  # fmt: skip
    stack.up()
    _made(stack, "two")
    stack.service("more")
    stack.inv("env.set", "WEB_MODE", "b")
    stack.inv("env.set", "WEB_KEY", "-", text="a-word-that-nobody-sees")
    stack.up("--yes")
    return stack


def _standing(stack: Stack) -> tuple[str, str, set[str]]:
    web = dict(line.partition("=")[::2] for line in stack.one("web")["Config"]["Env"])
    made = dict(line.partition("=")[::2] for line in stack.one("made")["Config"]["Env"])
    return web["MODE"] + web["KEY"][:1], made["VERSION"], set(stack.containers())


ONE = ("a", "one", {"web-1", "made-1"})
TWO = ("ba", "two", {"web-1", "made-1", "more-1"})


def test_a_rollback_is_the_state_before_and_a_second_one_undoes_it(started: Stack) -> None:
    stack = started
    assert _standing(stack) == TWO
    assert _starts(stack) == [
        (2, "done", [("recreate", "made"), ("create", "more"), ("recreate", "web")]),
        (1, "done", [("create", "made"), ("create", "web")]),
    ]
    [row, _] = stack.inv("history", "--json").json["data"]["starts"]
    assert row["command"] == "./inv up --yes"
    settings = {one["name"]: (one["before"], one["after"]) for one in row["settings"]}
    assert settings == {"WEB_KEY": (None, "[hidden]"), "WEB_MODE": (None, "b")}
    asked = stack.inv("rollback")
    assert (asked.code, _standing(stack)) == (1, TWO)
    assert "WEB_MODE is no longer set" in asked.err
    done = stack.inv("rollback", "--yes", "--json")
    assert done.code == 0, done
    assert _standing(stack) == ONE
    assert "WEB_MODE" not in stack.env()
    assert (stack.root / ".env").stat().st_mode & 0o777 == 0o600
    assert stack.files_are_whole()
    assert _starts(stack)[0] == (3, "done", [("recreate", "made"), ("recreate", "web"), ("remove", "more")])
    before = stack.identities()
    again = stack.inv("rollback", "3", "--yes")
    assert again.code == 0, again
    assert _standing(stack) == TWO
    assert stack.env()["WEB_KEY"] == "a-word-that-nobody-sees"
    # The files are those of the second start, so that is what the next up finds.
    assert "everything already is as planned" in stack.up().out
    assert stack.inv("rollback", "2", "--yes").code == 0
    assert _standing(stack) == ONE
    assert stack.identities().keys() == before.keys()
    told = stack.inv("history")
    assert "images of earlier builds that are kept for that: 1," in told.out
    said = "".join(path.text for path in (asked, done, again, told))
    assert "nobody-sees" not in said
    record = (stack.root / ".stack" / "record" / "history.json").read_text()
    assert "nobody-sees" not in record
    private = stack.root / ".stack" / "private"
    assert {path.stat().st_mode & 0o777 for path in [private, *private.glob("history/*.json")]} == {0o700, 0o600}


def test_a_start_that_failed_is_undone_and_only_what_is_recorded_can_be(started: Stack) -> None:
    stack = started
    stack.service("web", command=["sh", "-c", "exit 3"], restart="no", healthcheck={"test": ["CMD", "true"]})
    failed = stack.inv("up", "--timeout", "20")
    assert failed.code == 1
    assert _starts(stack)[0] == (3, "failed", [("recreate", "web")])
    assert stack.inv("rollback", "--yes").code == 0
    assert _standing(stack) == TWO
    for wrong in ("1", "99"):
        told = stack.inv("rollback", wrong, "--yes")
        assert told.code == 1
        assert f"there is no start {wrong} to undo, only 2 to 4" in told.err


def test_an_image_that_is_gone_is_told_before_anything_is_changed(started: Stack) -> None:
    stack = started
    kept = docker("images", "--format", "{{.Repository}}:{{.Tag}}", "genai-stack/kept").split()
    old = next(name for name in kept if f":{stack.project}-" in name and "VERSION=one" in docker("inspect", name))
    docker("rmi", "-f", old)
    before = (stack.identities(), (stack.root / ".env").read_bytes())
    told = stack.inv("rollback", "--yes", "--json")
    assert (told.code, [p["code"] for p in told.problems]) == (1, ["image-gone"])
    assert (stack.identities(), (stack.root / ".env").read_bytes()) == before


def test_killed_anywhere_nothing_is_half_and_the_next_command_goes_on(started: Stack) -> None:
    stack, rng = started, random.Random(3)
    for _ in range(6):
        running = stack.start("rollback", "--yes")
        try:
            running.process.wait(rng.uniform(0.2, 4))
        except subprocess.TimeoutExpired:
            running.kill()
            running.process.wait()
        assert stack.inv("plan").code == 0
        assert stack.files_are_whole()
        assert (stack.root / ".env").stat().st_mode & 0o777 == 0o600
        # All of one state: the mode and the key are set together, or not at all.
        assert ("WEB_MODE" in stack.env()) == ("WEB_KEY" in stack.env())
    assert stack.up()
    assert _standing(stack)[0] in ("a", "ba")
    assert run("docker", "compose", "ps", "-q", cwd=stack.root).out.split()


def test_the_data_comes_back_on_request_out_of_the_backup_of_before(stack: Stack) -> None:
    stack.service("app", volumes=["data:/data"], environment={"MODE": "${APP_MODE:-a}"})
    stack.volume("app", "data")
    stack.up()
    stack.exec("app", "sh", "-c", "echo mine > /data/kept")
    assert stack.inv("rollback", "--data", "--yes").code == 1
    saved = stack.inv("backup", "--json").json["data"]["backup"]["name"]
    stack.inv("env.set", "APP_MODE", "b")
    stack.up()
    stack.exec("app", "sh", "-c", "echo spoilt > /data/kept")
    starts = stack.inv("history", "--json").json["data"]["starts"]
    assert [row["backup"] for row in starts] == [saved, ""]
    asked = stack.inv("rollback", "--data")
    assert (asked.code, asked.err.count(f"the data of app is that of backup {saved}")) == (1, 1), asked
    done = stack.inv("rollback", "--data", "--yes", "--json")
    assert done.code == 0, done
    assert (done.json["data"]["backup"], done.json["data"]["data_of"]) == (saved, ["app"])
    assert _kept(stack) == "a mine"
    assert stack.env()["DATA_VOLUMES"] == "data=2"
    assert "everything already is as planned" in stack.up().out
    assert [number for number, *_ in _starts(stack)] == [3, 2, 1]
    assert stack.inv("rollback", "--yes").code == 0
    assert _kept(stack) == "b spoilt"
    assert stack.inv("restore", "--forget", "--yes").code == 0
    gone = stack.inv("rollback", "--yes", "--json")
    assert (gone.code, gone.problems[0]["code"]) == (1, "volume-gone"), gone
    assert gone.problems[0]["fix"].startswith("./inv rollback 4 --data")
    done = stack.inv("rollback", "--data", "--yes")
    assert done.code == 0, done
    assert _kept(stack) == "a mine"
    assert stack.inv("rollback", "--yes").code == 0
    assert _kept(stack) == "b spoilt"
    assert stack.inv("backup.remove", saved, "--yes").code == 0
    before = (stack.identities(), (stack.root / ".env").read_bytes(), stack.listed("volume"))
    gone = stack.inv("rollback", "2", "--data", "--yes", "--json")
    assert (gone.code, gone.problems[0]["code"]) == (1, "backup-missing"), gone
    assert (stack.identities(), (stack.root / ".env").read_bytes(), stack.listed("volume")) == before


def _kept(stack: Stack) -> str:
    return stack.exec("app", "sh", "-c", "read -r kept < /data/kept; echo $MODE $kept").strip()
