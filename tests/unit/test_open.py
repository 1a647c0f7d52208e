"""Which of a service's addresses is opened."""

import pytest

from stack import docker
from stack.commands import open as opening
from stack.docker import Container
from stack.errors import StackError, fail
from stack.planning import planner
from stack.running import links
from stack.running.links import Link
from tests.synthetic import facts, planned, port

GATEWAY = "kong-api-gateway"
THROUGH = Link("web", "http://localhost:63002/web/", direct="http://localhost:63021/")


@pytest.fixture(autouse=True)
def routed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway with a route to the page."""
    monkeypatch.setattr(links, "of", lambda *_: [THROUGH])


def opened(monkeypatch: pytest.MonkeyPatch, *running: str) -> str:
    """The address of a page that publishes a port, where these services run."""
    made = planned(facts({"web": {"ports": [port(63021, 80)]}, GATEWAY: {}}, entries={"web": {"url": "http://web:80"}}))
    there = [Container("id", name, name, "running", "", 0, "", "", "") for name in running]
    monkeypatch.setattr(docker, "containers", lambda _: there)
    return opening.link_of(made, "web").url


def test_it_is_the_gateways_where_that_runs_and_the_own_where_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(monkeypatch, "web", GATEWAY) == THROUGH.url
    assert opened(monkeypatch, "web") == "http://localhost:63021/"


def test_what_does_not_run_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    made = planned(facts({"web": {"ports": [port(63021, 80)]}, GATEWAY: {}}))
    monkeypatch.setattr(planner, "make", lambda *_: made)
    there = [Container("id", name, name, state, "", 0, "", "", "") for name, state in
             (("web", "exited"), (GATEWAY, "running"))]  # fmt: skip
    monkeypatch.setattr(docker, "containers", lambda _: there)
    with pytest.raises(StackError, match="web does not run") as caught:
        opening.open_("web")
    assert caught.value.problems[0].fix == "./inv up"


def test_without_an_engine_the_gateway_is_taken_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: str) -> list[Container]:
        raise fail("docker", "no engine answers")

    made = planned(facts({"web": {"ports": [port(63021, 80)]}, GATEWAY: {}}))
    monkeypatch.setattr(docker, "containers", nothing)
    assert opening.link_of(made, "web").url == THROUGH.url
