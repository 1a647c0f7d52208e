"""Projects side by side: each sees its own, and says who is in the way."""

import os
import re
from collections.abc import Callable

from tests.engine.support.stacks import Stack, listener, run


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
    refusals = {"up": "other-checkout", "plan": "other-checkout", "down": "not-agreed",
                "down --volumes --yes": "other-checkout"}  # fmt: skip
    for words, code in refusals.items():
        refused = other.inv(*words.split(), "--json")
        assert refused.code == 1
        assert [problem["code"] for problem in refused.problems] == [code]
        assert str(owner.root) in refused.problems[0]["message"]
        assert "./inv down" in refused.problems[0]["fix"]
    assert owner.identities() == before
    assert not (other.root / "compose.yaml").exists()
    agreed = other.inv("down", "--yes")
    assert agreed.code == 0, agreed
    assert f"took over what was started in {owner.root}" in agreed.out
    assert owner.containers() == {}


def test_a_checkout_that_is_reached_through_a_link_or_was_moved_stays_its_own(new_stack: Callable[..., Stack]) -> None:
    """The link's spelling was the label, so plan, up and down refused; what Docker made at the old path was its owner,
    and before that a plan said that nothing changes."""
    stack = new_stack("real")
    stack.service("page", volumes=["./compose/page:/page:ro"])
    (stack.root / "compose" / "page").mkdir()
    (stack.root / "compose" / "page" / "file").write_text("here")
    stack.service("alone")
    link = stack.root.with_name("link")
    link.symlink_to(stack.root)
    linked = Stack(link, stack.project, stack.base_port)
    in_link = {"PWD": str(link), "PYTHONPATH": str(link)}
    assert linked.inv("up", env=in_link).code == 0
    label = "com.docker.compose.project.working_dir"
    assert stack.one("page")["Config"]["Labels"][label] == str(stack.root)
    assert "nothing was changed" in linked.inv("up", env=in_link).out
    assert linked.compose("restart", "page").code == 0
    stack.compose("stop")
    run("docker", "compose", "up", "-d", "--force-recreate", "alone", cwd=link, env={"PWD": str(link)})
    assert stack.one("alone")["Config"]["Labels"][label] == str(link)
    stack.up()

    old = stack.root
    stack.root = old.rename(old.with_name("moved"))
    (old / "compose" / "page").mkdir(parents=True)  # as Docker does at the next start
    moved = stack.inv("plan", "--json").json["data"]["changes"]
    assert {c["name"]: (c["action"], c["keys"]) for c in moved} == {
        "alone": ("unchanged", []), "page": ("recreate", [f"mounts {old}"]),
    }  # fmt: skip
    stack.up()
    assert stack.exec("page", "cat", "/page/file") == "here"
    done = stack.inv("down")
    assert done.code == 0, done
    assert stack.containers() == {}


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
