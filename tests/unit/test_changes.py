"""The plan compared with what runs."""

from pathlib import Path

import pytest

from stack.docker import Container
from stack.errors import StackError
from stack.planning import changes, compare, plan
from stack.planning.changes import Change, Wanted
from stack.planning.plan import Selection
from tests.synthetic import facts

WANTED = Wanted("hash", "sha256:1", one_shot=False, containers=1)


def container(service: str = "web", **changed: object) -> Container:
    """A container that is as WANTED wants it, but for what is changed."""
    values: dict[str, object] = {
        "id": "1", "name": f"p-{service}-1", "service": service, "state": "running", "health": "healthy",
        "exit_code": 0, "config_hash": "hash", "image_id": "sha256:1", "working_dir": "/p", "one_off": False,
    }  # fmt: skip
    return Container(**{**values, **changed})  # type: ignore[arg-type]


def change(wanted: Wanted, *have: Container, keys: list[str] | None = None) -> Change:
    """The change of the one service that is wanted."""
    [found] = changes.compare({"web": wanted}, have, {"web": keys or []})
    return found


THREE = Wanted("hash", "sha256:1", one_shot=False, containers=3)
ALONE = Wanted("hash", "sha256:1", one_shot=False, containers=1, scalable=False)
JOB = Wanted("hash", "sha256:1", one_shot=True, containers=1)


@pytest.mark.parametrize(
    ("wanted", "have", "action"),
    [
        (WANTED, [], "create"),
        (WANTED, [container()], "unchanged"),
        (WANTED, [container(health="")], "unchanged"),
        (WANTED, [container(health="starting")], "start"),
        (WANTED, [container(health="unhealthy")], "start"),
        (WANTED, [container(state="exited")], "start"),
        (WANTED, [container(state="paused")], "start"),
        (WANTED, [container(config_hash="other")], "recreate"),
        (WANTED, [container(image_id="sha256:2")], "recreate"),
        (WANTED, [container(one_off=True)], "create"),
        (JOB, [container(state="exited", health="")], "unchanged"),
        (JOB, [container(state="exited", exit_code=1)], "start"),
        (JOB, [container(state="running")], "start"),
        (JOB, [container(state="exited", config_hash="other")], "recreate"),
        (Wanted("hash", None, one_shot=False, containers=1), [container()], "unchanged"),
        (
            Wanted("hash", "sha256:1", one_shot=False, containers=2),
            [container(), container(id="2")],
            "unchanged",
        ),
        (Wanted("hash", "sha256:1", one_shot=False, containers=2), [container()], "scale"),
        (WANTED, [container(), container(id="2")], "scale"),
        (WANTED, [container(), container(id="2", config_hash="other")], "replace"),
        (WANTED, [container(), container(id="2", image_id="sha256:2")], "replace"),
        (ALONE, [container(config_hash="other"), container(id="2", config_hash="other", state="created")], "recreate"),
        (THREE, [container(config_hash="other")], "replace"),
        (THREE, [container(image_id="sha256:2")], "replace"),
        (THREE, [container(config_hash="other"), container(id="2", config_hash="other", state="exited")], "replace"),
        (THREE, [container(config_hash="other", health="unhealthy")], "recreate"),
        (THREE, [container(config_hash="other", state="exited")], "recreate"),
    ],
)
def test_each_service_has_its_next_step(wanted: Wanted, have: list[Container], action: str) -> None:
    assert change(wanted, *have).action == action


def test_a_recreated_service_names_what_changed() -> None:
    stale = container(config_hash="other")
    assert change(WANTED, stale, keys=["environment.A"]).keys == ["environment.A"]
    assert change(WANTED, stale).keys == ["configuration"]
    assert change(WANTED, container(image_id="sha256:2")).keys == ["image"]


def test_a_replaced_service_names_what_stays_until_the_new_ones_are_healthy() -> None:
    new, old = container(name="p-web-4"), container(name="p-web-1", config_hash="other")
    assert change(THREE, new, old, keys=["ports"]) == Change("web", "replace", ["ports"], ["p-web-1"])


def test_what_runs_beyond_the_selection_is_left_alone() -> None:
    found = changes.compare({"web": WANTED}, [container(), container("old")], {})
    assert found == [Change("web", "unchanged"), Change("old", "beyond")]
    assert changes.nothing_to_do(found)


def test_and_goes_where_the_selection_is_exact() -> None:
    found = changes.compare({"web": WANTED}, [container(), container("old")], {}, exact=True)
    assert found[1] == Change("old", "remove")
    assert not changes.nothing_to_do(found)


@pytest.mark.parametrize("action", ["create", "recreate", "start", "scale", "remove"])
def test_there_is_something_to_do_for_every_other_step(action: str) -> None:
    assert not changes.nothing_to_do([Change("web", "unchanged"), Change("db", action)])


def test_only_one_shots_that_are_done_are_not_run_again() -> None:
    jobs = {"done": {"restart": "no"}, "again": {"restart": "no"}, "web": {}}
    made = plan.compute(facts(jobs), Selection(("core",)))
    steps = [Change("done", "unchanged"), Change("again", "start"), Change("web", "unchanged")]
    assert changes.finished(made, steps) == {"done"}


@pytest.mark.parametrize(
    ("before", "after", "keys"),
    [
        ({"image": "a"}, {"image": "a"}, []),
        ({"image": "a"}, {"image": "b"}, ["image"]),
        ({}, {"image": "b"}, ["image"]),
        ({"image": "a"}, {}, ["image"]),
        ({"environment": {"A": "1", "B": "2"}}, {"environment": {"A": "1", "B": "3", "C": "4"}},
         ["environment.B", "environment.C"]),
        ({"deploy": {"res": {"limits": 1}}}, {"deploy": {"res": {"limits": 2}}}, ["deploy.res"]),
        ({"ports": [1]}, {"ports": [2]}, ["ports"]),
        ({"environment": {"A": "1"}}, {"environment": None}, ["environment"]),
    ],
)  # fmt: skip
def test_what_differs_is_named_two_levels_deep(
    before: dict[str, object], after: dict[str, object], keys: list[str]
) -> None:
    assert changes.differing(before, after) == keys


def test_a_secret_that_may_be_empty_counts_as_empty_and_one_that_is_not_made_yet_as_there() -> None:
    text = "a: ${MUST:?not in .env} b: ${MAY:-} c: ${SET:-} d: $PLAIN"
    assert compare.stand_ins(text, {"SET": "s", "OTHER": "o"}) == {"MUST": "unset", "MAY": "", "SET": "s"}


def test_another_folder_is_the_owner_only_where_it_holds_a_project(tmp_path: Path) -> None:
    root, other, link = tmp_path / "root", tmp_path / "other", tmp_path / "link"
    (root / "compose").mkdir(parents=True)
    (other / "compose").mkdir(parents=True)
    link.symlink_to(root)
    here, there = container(working_dir=str(link)), container(working_dir=str(other))
    assert compare.owner(root, [here, there, container(working_dir=str(tmp_path / "gone"))]) == ""
    (other / "compose.yaml").write_text("services: {}\n")
    assert compare.owner(root, [here, there]) == str(other)
    with pytest.raises(StackError, match=r"belongs to .*/other"):
        compare.check_owner(root, "p", [here, there])


def test_a_folder_that_we_may_not_look_into_holds_a_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(_: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "is_file", refused)
    assert compare.owner(tmp_path, [container(working_dir="/home/other/stack")]) == "/home/other/stack"


@pytest.mark.parametrize(
    ("action", "source", "keys"),
    [("recreate", "./kong", ["mounts /old"]), ("recreate", "/etc", ["configuration"]), ("unchanged", "./kong", [])],
)
def test_a_container_of_a_moved_checkout_says_what_it_mounts(action: str, source: str, keys: list[str]) -> None:
    service = {"volumes": [{"type": "bind", "source": source, "target": "/x"}]}
    found = Change("web", action, ["configuration"] if action == "recreate" else [])
    assert compare.moved(found, service, "/old").keys == keys
    assert compare.moved(found, service, "") == found
