"""Projects side by side: each sees its own, and says who is in the way."""

import os
import re
from collections.abc import Callable

from tests.engine.support_stack import Stack, listener, run


def page(stack: Stack) -> None:
    """A service that publishes a port."""
    stack.service(
        "page", entry={"ports": {"PAGE_PORT": 21}}, ports=["${PAGE_BIND_ADDRESS:-127.0.0.1}:${PAGE_PORT}:8080"]
    )


def test_two_checkouts_run_beside_each_other_and_neither_sees_the_other(new_stack: Callable[..., Stack]) -> None:
    one, two = new_stack("one"), new_stack("two")
    for stack in (one, two):
        page(stack)
        stack.up()
    first, second = one.identities(), two.identities()
    assert len(first) == len(second) == 1
    assert not {i[0] for i in first.values()} & {i[0] for i in second.values()}
    one.up("--exact")
    assert one.inv("up", "--recreate").code == 0
    assert two.identities() == second
    assert [s["name"] for s in two.inv("status", "--json").json["data"]["services"]] == ["page"]
    assert one.inv("down", "--volumes", "--yes").code == 0
    assert two.identities() == second
    assert two.listed("network") == [f"{two.project}_backend-bridge-network"]


def test_a_project_of_another_folder_is_refused_by_its_name(new_stack: Callable[..., Stack]) -> None:
    owner = new_stack("owner")
    page(owner)
    owner.up()
    before = owner.identities()
    other = new_stack("other", PROJECT_NAME=owner.project)
    page(other)
    for words in (["up"], ["plan"], ["down", "--volumes", "--yes"]):
        refused = other.inv(*words, "--json")
        assert refused.code == 1
        assert [problem["code"] for problem in refused.problems] == ["other-checkout"]
        assert str(owner.root) in refused.problems[0]["message"]
        assert "PROJECT_NAME" in refused.problems[0]["fix"]
    assert owner.identities() == before
    assert not (other.root / "compose.yaml").exists()


def test_a_port_that_a_program_holds_is_refused_with_its_process_and_a_base_port_that_works(stack: Stack) -> None:
    page(stack)
    with listener(stack.port(21)):
        refused = stack.inv("up", "--json")
        assert refused.code == 1
        problem = refused.problems[0]
        assert problem["code"] == "port-taken"
        assert str(stack.port(21)) in problem["message"]
        assert f"process {os.getpid()} " in problem["message"]
        assert stack.containers() == {}
        suggested = re.search(r"--base-port (\d+)", problem["fix"])
        assert suggested
        stack.up("--base-port", suggested[1])
    assert stack.env()["BASE_PORT"] == suggested[1]
    bound = stack.one("page")["NetworkSettings"]["Ports"]["8080/tcp"]
    assert bound == [{"HostIp": "127.0.0.1", "HostPort": str(int(suggested[1]) + 21)}]


def test_a_port_of_another_project_is_refused_by_that_projects_name_and_an_own_one_is_not(
    new_stack: Callable[..., Stack],
) -> None:
    holder = new_stack("holder")
    page(holder)
    holder.up()
    holder.up("--recreate")
    late = new_stack("late", BASE_PORT=str(holder.base_port))
    page(late)
    refused = late.inv("up", "--json")
    assert refused.code == 1
    assert [problem["code"] for problem in refused.problems] == ["port-taken"]
    assert f"project {holder.project}" in refused.problems[0]["message"]
    assert late.containers() == {}
    assert late.listed("network") == []
    assert run("docker", "inspect", f"{holder.project}-page-1").code == 0
