"""Pulling from a real registry: what arrives, what is refused, what is cut, and each failure told as what it is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack import pull
from tests.engine import support_registry as support
from tests.engine.support_stack import Stack, run


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, base_image: str) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("registry")
    with support.registry(folder) as port:
        support.publish(f"127.0.0.1:{port}/library/tool:1", folder)
        yield port


@pytest.fixture
def tool(registry: int) -> Iterator[str]:
    """An image that only the registry has."""
    image = f"127.0.0.1:{registry}/library/tool:1"
    support.forget(image)
    yield image
    support.forget(image)


def failed(stack: Stack, code: str) -> str:
    done = stack.inv("up", "--json")
    assert done.code == 1, done
    found = [problem for problem in done.problems if problem["code"] == code]
    assert found, done
    assert found[0]["fix"]
    return found[0]["message"]


def test_an_image_arrives_once_and_is_never_asked_for_again(new_stack: Callable[..., Stack], tmp_path: Path) -> None:
    with support.registry(tmp_path) as port:
        image = f"127.0.0.1:{port}/once:1"
        support.publish(image, tmp_path)
        stack = new_stack()
        stack.service("tool", image=image)
        assert "pulling" in stack.up().text
    assert run("docker", "image", "inspect", image).code == 0
    assert stack.inv("down").code == 0
    # The registry is gone: only what is here can be used.
    assert "pulling" not in stack.up().text
    stack.inv("down")
    support.forget(image)


def test_a_missing_tag_and_a_missing_repository_are_told_each(stack: Stack, registry: int) -> None:
    stack.service("tool", image=f"127.0.0.1:{registry}/library/tool:2")
    stack.service("other", image=f"127.0.0.1:{registry}/nobody/made-this:1")
    done = stack.inv("up", "--json")
    assert done.code == 1
    told = {problem["where"]: problem["code"] for problem in done.problems}
    assert told == {
        f"127.0.0.1:{registry}/library/tool:2": "pull-tag",
        f"127.0.0.1:{registry}/nobody/made-this:1": "pull-tag",
    }
    assert not (stack.root / "compose.yaml").exists()


def test_a_registry_that_wants_a_login_is_told_as_that(stack: Stack, tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("somebody:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\n")
    with support.registry(tmp_path, f"auth: {{htpasswd: {{realm: test, path: {users}}}}}\n") as port:
        stack.service("tool", image=f"127.0.0.1:{port}/tool:1")
        assert "login is needed" in failed(stack, "pull-denied")


def test_the_share_that_is_here_is_told_while_bytes_arrive_slowly(registry: int, tool: str) -> None:
    with support.proxy(registry, rate=8_000_000) as port:
        image = f"127.0.0.1:{port()}/library/tool:1"
        told: list[str] = []
        outcomes = pull.pull([image], lambda _, text: told.append(text))
    support.forget(image)
    assert [outcome.kind for outcome in outcomes] == [""]
    shares = [int(text.removesuffix(" %")) for text in told]
    assert len(shares) > 2
    assert shares == sorted(shares)


def test_the_time_limit_does_not_count_while_bytes_arrive(stack: Stack, registry: int) -> None:
    with support.proxy(registry, rate=3_000_000) as port:
        image = f"127.0.0.1:{port()}/library/tool:1"
        stack.service("tool", image=image)
        done = stack.inv("up", "--timeout", "3")
    stack.inv("down")
    support.forget(image)
    assert done.code == 0, done


def test_a_connection_cut_in_the_middle_is_taken_up_again(stack: Stack, registry: int) -> None:
    with support.proxy(registry, cut_after=support.BIG // 2) as port:
        image = f"127.0.0.1:{port()}/library/tool:1"
        stack.service("tool", image=image)
        done = stack.inv("up")
        assert port() < 0, "the proxy never cut"
    stack.inv("down")
    support.forget(image)
    assert done.code == 0, done


def test_a_prefix_sends_every_image_through_one_mirror(
    new_stack: Callable[..., Stack], registry: int, tool: str
) -> None:
    stack = new_stack(REGISTRY_PREFIX=f"127.0.0.1:{registry}")
    stack.service("tool", image="tool:1")
    assert stack.up().code == 0
    images = {s["name"]: s["image"] for s in stack.inv("plan", "--json").json["data"]["services"]}
    assert images == {"tool": tool}
    stack.inv("down")
