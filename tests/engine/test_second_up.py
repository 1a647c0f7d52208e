"""An `up` on what already runs: what it leaves alone, what it saves, and what an exact selection takes away."""

import json
from typing import Any

import pytest

from stack import docker
from tests.engine.support.stacks import Stack, run


def two_profiles(stack: Stack) -> None:
    """`web` with its job `seed` in the profile small, `extra` in another."""
    seed = {"command": ["true"], "restart": "no", "init": None}
    web: dict[str, Any] = {"depends_on": {"seed": {"condition": "service_completed_successfully"}}}
    stack.service("web", more={"seed": seed}, **web)
    stack.service("extra", profiles=["more"], depends_on={"web": {"condition": "service_started"}})


@pytest.mark.core
def test_with_nothing_to_do_touches_nothing_and_says_so(stack: Stack) -> None:
    two_profiles(stack)
    stack.up()
    before, files = stack.identities(), (stack.root / "compose.yaml").stat()
    again = stack.up()
    assert "nothing was changed" in again.out
    assert stack.identities() == before
    assert (stack.root / "compose.yaml").stat().st_mtime_ns == files.st_mtime_ns


def test_a_profile_on_top_leaves_what_runs_alone_and_is_remembered(stack: Stack) -> None:
    two_profiles(stack)
    stack.up()
    before = stack.identities()
    once = stack.up("--profile", "more", "--once")
    assert "saved" not in once.out
    assert stack.env()["STACK_PROFILES"] == "small"
    assert stack.identities().keys() - before.keys() == {"extra-1"}
    assert {name: stack.identities()[name] for name in before} == before

    beyond = stack.up()
    assert "left alone" in beyond.out
    assert "extra" in beyond.out
    ids = {name: found[0] for name, found in stack.identities().items()}
    assert run("docker", "compose", "up", "-d", cwd=stack.root).code == 0
    assert {name: found[0] for name, found in stack.identities().items()} == ids
    assert "extra" in run("docker", "compose", "config", "--services", cwd=stack.root).out.split()

    before = stack.identities()
    saved = stack.up("--profile", "more")
    assert stack.env()["STACK_PROFILES"] == "small,more"
    line = next(line for line in saved.out.splitlines() if "saved STACK_PROFILES" in line)
    undo = line.partition("undo: ")[2].rstrip(")")
    assert stack.inv(*undo.split()[1:]).code == 0
    assert stack.env()["STACK_PROFILES"] == "small"
    assert {name: stack.identities()[name] for name in before} == before


def test_an_exact_selection_lists_what_goes_and_removes_it(stack: Stack) -> None:
    two_profiles(stack)
    stack.service("other", profiles=["other"])
    stack.up("--profile", "more", "--profile", "other", "--once")
    before = stack.identities()
    planned = stack.inv("plan", "--profile", "other", "--exact", "--json").json["data"]["changes"]
    gone = {change["name"] for change in planned if change["action"] == "remove"}
    assert gone == {"web", "seed", "extra"}
    assert stack.identities() == before
    done = stack.up("--profile", "other", "--exact")
    assert "removed" in done.out
    assert all(name in done.out for name in gone)
    assert stack.identities() == {"other-1": before["other-1"]}
    assert stack.env()["STACK_PROFILES"] == "other"


@pytest.mark.core
def test_a_changed_mounted_file_recreates_its_service_alone_and_names_what_differs(stack: Stack) -> None:
    (stack.root / "compose" / "web").mkdir()
    (stack.root / "compose" / "web" / "page").write_text("one")
    stack.service("web", volumes=["./compose/web:/page:ro"])
    stack.service("beside", environment={"WORD": "${BESIDE_WORD:-old}"})
    stack.up()
    before = stack.identities()
    (stack.root / "compose" / "web" / "page").write_text("two")
    stack.up()
    after = stack.identities()
    assert after["beside-1"] == before["beside-1"]
    assert after["web-1"] != before["web-1"]
    assert stack.exec("web", "cat", "/page/page") == "two"

    stack.set(BESIDE_WORD="new")
    planned = {c["name"]: c for c in stack.inv("plan", "--json").json["data"]["changes"]}
    assert planned["web"]["action"] == "unchanged"
    assert planned["beside"]["action"] == "recreate"
    assert any("environment" in key for key in planned["beside"]["keys"])


def test_what_was_stopped_by_hand_is_started_again_and_its_neighbours_stay(stack: Stack) -> None:
    two_profiles(stack)
    stack.service("beside")
    stack.up()
    before = stack.identities()
    assert run("docker", "stop", f"{stack.project}-web-1").code == 0
    stack.up()
    after = stack.identities()
    assert after["web-1"][0] == before["web-1"][0]
    assert stack.one("web")["State"]["Running"]
    assert {k: v for k, v in after.items() if k != "web-1"} == {k: v for k, v in before.items() if k != "web-1"}


def test_a_service_that_is_disabled_goes_and_its_neighbours_stay(stack: Stack) -> None:
    stack.service("web")
    stack.service("beside")
    stack.up()
    before = stack.identities()
    assert stack.inv("source", "--service", "web", "--to", "disabled").code == 0
    planned = {c["name"]: c["action"] for c in stack.inv("plan", "--json").json["data"]["changes"]}
    assert planned == {"beside": "unchanged", "web": "remove"}
    stack.up("--service", "beside")
    assert stack.identities() == before
    stack.up()
    assert stack.identities() == {"beside-1": before["beside-1"]}


@pytest.mark.core
def test_a_changed_definition_of_a_volume_is_told_and_no_data_is_lost(stack: Stack) -> None:
    stack.service("web", volumes=["data:/data"])
    stack.volume("web", "data")
    stack.up()
    stack.exec("web", "sh", "-c", "echo kept > /data/word")
    (stack.root / "elsewhere").mkdir()
    bind = {"type": "none", "o": "bind", "device": str(stack.root / "elsewhere")}
    (stack.root / "compose.override.yaml").write_text(json.dumps({"volumes": {"data": {"driver_opts": bind}}}))
    told = f"volume {stack.project}_data was made with other driver_opts.device"
    assert told in stack.inv("plan").text
    done = stack.up("--recreate")
    assert told in done.text
    assert stack.exec("web", "cat", "/data/word").strip() == "kept"
    assert told in stack.inv("doctor", "--check", "volume-definition").text


@pytest.mark.core
def test_who_stands_in_the_network_of_another_is_made_anew_with_it_alone(stack: Stack) -> None:
    beside = {"network_mode": "service:web", "networks": None, "depends_on": {"web": {"condition": "service_started"}}}
    stack.service("web", more={"beside": beside}, environment={"WORD": "${WEB_WORD:-old}"})
    stack.up()
    before = stack.identities()
    actions = {c["name"]: c["action"] for c in stack.inv("plan", "--json").json["data"]["changes"]}
    assert actions == {"web": "unchanged", "beside": "unchanged"}
    assert "nothing was changed" in stack.up().out
    assert stack.identities() == before

    stack.set(WEB_WORD="new")
    actions = {c["name"]: c["action"] for c in stack.inv("plan", "--json").json["data"]["changes"]}
    assert actions == {"web": "recreate", "beside": "recreate"}
    if docker.podman():
        # It takes no container away whose network another shares.
        assert "./inv down && ./inv up" in stack.inv("up").err
        assert stack.inv("down").code == 0
    stack.up()
    assert not {before[name][0] for name in before} & {found[0] for found in stack.identities().values()}
