"""The record of starts and the ways back, without an engine."""

from pathlib import Path

import pytest

from stack import docker, tree
from stack.cluster import chosen
from stack.commands import rollback, swarm, up
from stack.errors import StackError, fail
from stack.planning import checkouts, locks
from stack.planning.locks import Locked
from stack.planning.plan import Plan
from stack.running import history, rolling
from stack.running.history import Entry, File, Image

PLAN = Plan("genai", 63000, [], [], [], [], [])
ID, OTHER, DIGEST = "sha256:" + "a" * 64, "sha256:" + "b" * 64, "sha256:" + "c" * 64
PULLED = Image("redis:7", "redis:7", ID, DIGEST)
BUILT = Image("own:1", "own:1", ID, "", True)


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setattr(docker, "images", lambda _: {})


def start(root: Path, env: str) -> None:
    (root / ".env").write_text(env)
    with history.recorded(root, PLAN, [], {}, {"MODE"}):
        pass


def test_ten_starts_can_be_undone_and_older_ones_are_forgotten(tmp_path: Path) -> None:
    for number in range(13):
        start(tmp_path, f"MODE={number}\n")
    entries = history.read(tmp_path)
    assert [entry.number for entry in entries] == list(range(3, 14))
    assert {int(path.stem) for path in (tmp_path / history.FOLDER).iterdir()} == set(range(3, 14))
    before, last = rolling.undone(entries, "")
    assert (before.number, last.number) == (12, 13)
    assert history.moment(tmp_path, before.number).files[".env"].data == b"MODE=11\n"
    assert rolling.undone(entries, "4")[0].number == 3
    for wrong in ("3", "14"):
        with pytest.raises(StackError) as caught:
            rolling.undone(entries, wrong)
        assert "4 to 13" in caught.value.problems[0].message
    for wrong in ("-1", "²", "x"):
        with pytest.raises(StackError, match="expected the number of a start") as caught:
            rolling.undone(entries, wrong)
        assert caught.value.exit_code == 2


@pytest.mark.parametrize("entries", [0, 1])
def test_without_a_state_before_nothing_can_be_undone(tmp_path: Path, entries: int) -> None:
    for _ in range(entries):
        start(tmp_path, "MODE=a\n")
    with pytest.raises(StackError):
        rolling.undone(history.read(tmp_path), "")


def test_a_value_is_shown_only_where_it_may_be(tmp_path: Path) -> None:
    start(tmp_path, "MODE=a\nGONE=left\n")
    start(tmp_path, "MODE=b\nKEY=not-to-be-seen\n")
    told = [(one.name, one.before, one.after) for one in history.read(tmp_path)[-1].settings]
    assert told == [("GONE", "[hidden]", None), ("KEY", None, "[hidden]"), ("MODE", "a", "b")]
    assert b"not-to-be-seen" not in (tmp_path / history.FILE).read_bytes()


def test_how_a_start_ended_is_recorded_also_where_it_was_killed(tmp_path: Path) -> None:
    with pytest.raises(StackError), history.recorded(tmp_path, PLAN, [], {}, set()):
        raise StackError([])
    with pytest.raises(KeyboardInterrupt), history.recorded(tmp_path, PLAN, [], {}, set()):
        raise KeyboardInterrupt
    with history.recorded(tmp_path, PLAN, [], {}, set()) as lost:
        lost.append("web")
    history.begin(tmp_path, PLAN, [], set())
    outcomes = [entry.outcome for entry in history.read(tmp_path)]
    assert outcomes == ["failed", "interrupted", "failed", "cut off"]


def test_only_what_differs_is_a_start_of_its_own(tmp_path: Path) -> None:
    assert history.unlike(tmp_path)
    start(tmp_path, "MODE=a\n")
    assert not history.unlike(tmp_path)
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    assert history.unlike(tmp_path)


@pytest.mark.parametrize(
    ("image", "there", "name"),
    [
        (PULLED, {"redis:7": ID}, "redis:7"),
        (PULLED, {"redis:7": OTHER, ID: ID}, f"redis:7@{DIGEST}"),
        (PULLED, {}, f"redis:7@{DIGEST}"),
        (Image(f"redis:7@{DIGEST}", "redis:7", ID, DIGEST), {}, f"redis:7@{DIGEST}"),
        (Image("redis:7", "redis:7", ID), {"redis:7": OTHER}, ""),
        (BUILT, {"own:1": ID, ID: ID}, "own:1"),
        (BUILT, {"own:1": OTHER, ID: ID}, "genai-stack/kept:genai-aaaaaaaaaaaa"),
        (BUILT, {"own:1": OTHER}, ""),
    ],
)
def test_an_image_is_run_by_the_name_that_still_means_it(image: Image, there: dict[str, str], name: str) -> None:
    found = rolling.resolved("genai", image, there)
    assert found == name


def test_a_tag_that_moved_is_locked_by_the_way_back() -> None:
    images = {"redis": PULLED, "own": BUILT}
    assert rolling.relocked(None, images, ["own"]) is None
    made = rolling.relocked(locks.encoded({"app:1": Locked(OTHER)}), images, ["redis", "own"])
    assert locks.decoded(made or b"") == {"app:1": Locked(OTHER), "redis:7": Locked(DIGEST, ID)}


def test_settings_are_compared_where_one_side_has_no_file() -> None:
    after = {".env": File(0o600, b"MODE=a\n")}
    assert [one.after for one in history.differing({}, after, {"MODE"})] == ["a"]
    assert [one.before for one in history.differing(after, {}, {"MODE"})] == ["a"]


def test_the_shape_of_an_entry_is_that_of_the_reference() -> None:
    fields = "number at command outcome changes settings images state backup"
    assert tuple(Entry.__struct_fields__) == tuple(fields.split())


def test_a_volume_that_another_took_the_place_of_is_told() -> None:
    then = {"volumes": {"data": {"name": "genai_data"}, "same": {"name": "genai_same"}, "plain": None, "old": None}}
    now = {"volumes": {"data": {"name": "genai_data-2"}, "same": {"name": "genai_same"}, "plain": None, "new": None}}
    assert rolling.swapped(now, then) == {"data": ("genai_data", "genai_data-2")}
    assert rolling.swapped({}, then) == {}


def test_a_start_within_another_is_a_part_of_it(tmp_path: Path) -> None:
    with history.recorded(tmp_path, PLAN, [], {}, set()), history.recorded(tmp_path, PLAN, [], {}, set()) as inner:
        inner.append("web")
    start(tmp_path, "MODE=a\n")
    assert [(entry.number, entry.outcome) for entry in history.read(tmp_path)] == [(1, "done"), (2, "done")]


def test_with_the_data_all_starts_are_forgotten_and_only_this_projects_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[str] = []
    there = [{"RepoTags": [f"{history.KEEP}:genai-{'a' * 12}", f"{history.KEEP}:genai-two-{'a' * 12}", "own:1"]}]
    monkeypatch.setattr(docker, "listed_images", lambda: there)
    monkeypatch.setattr(docker, "run", removed.extend)
    start(tmp_path, "MODE=a\n")
    history.forget(tmp_path, "genai")
    assert history.read(tmp_path) == []
    assert list((tmp_path / history.FOLDER).iterdir()) == []
    assert removed == ["rmi", f"{history.KEEP}:genai-{'a' * 12}"]


def test_an_upgrade_that_was_cut_off_is_told_until_another_start_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["inv", "upgrade", "--yes"])
    start(tmp_path, "MODE=a\n")
    assert history.unended(tmp_path) == []
    history.begin(tmp_path, PLAN, [], set())
    [told] = history.unended(tmp_path)
    assert "./inv upgrade --yes of " in told.message
    assert "was cut off" in told.message
    with tree.locked(tmp_path):
        assert history.unended(tmp_path) == []
    # What goes on may have nothing left to do, and is noted all the same.
    assert history.unlike(tmp_path)
    monkeypatch.setattr("sys.argv", ["inv", "up"])
    start(tmp_path, "MODE=a\n")
    assert history.unended(tmp_path) == []
    assert not history.unlike(tmp_path)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose services a cluster runs, where none runs just now."""
    monkeypatch.setattr(tree, "root", lambda: tmp_path)
    monkeypatch.setattr(checkouts, "project_name", lambda _: PLAN.project)
    monkeypatch.setattr(chosen, "now", lambda _: True)
    monkeypatch.setattr(swarm, "running", lambda _: [])
    return tmp_path


def test_no_rollback_crosses_between_one_machine_and_a_cluster(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / "compose.yaml").touch()
    start(checkout, "MODE=a\n")
    (checkout / "compose.yaml").unlink()
    start(checkout, "MODE=b\nRUN_ON=swarm\n")
    with pytest.raises(StackError, match="ran on one machine") as raised:
        rollback.run("", yes=True)
    assert raised.value.problems[0].fix == "./inv up --on compose"
    start(checkout, "MODE=b\n")
    monkeypatch.setattr(chosen, "now", lambda _: False)
    with pytest.raises(StackError, match="ran on a cluster"):
        rollback.run("", yes=True)
    assert (checkout / ".env").read_text() == "MODE=b\n"


def test_a_rollback_on_a_cluster_that_is_refused_changes_nothing(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(checkout, "MODE=a\n")
    start(checkout, "MODE=b\n")
    (checkout / locks.FILE).write_text("later")
    seen = []

    def refused(*_: object) -> None:
        seen.append(((checkout / ".env").read_text(), (checkout / locks.FILE).exists()))
        raise fail("unknown-service", "unknown service web")

    monkeypatch.setattr(up, "started", refused)
    with pytest.raises(StackError, match="unknown service web"):
        rollback.run("", yes=True)
    assert seen == [("MODE=a\n", False)]
    assert ((checkout / ".env").read_text(), (checkout / locks.FILE).read_text()) == ("MODE=b\n", "later")
    with pytest.raises(StackError, match="rollback --data works on one machine"):
        rollback.run("", yes=True, data=True)
