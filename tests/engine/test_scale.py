"""More than one replica of a service."""

from collections.abc import Callable
from typing import Any

from tests.engine.support import stacks
from tests.engine.support.stacks import Stack


def bound(containers: dict[str, dict[str, Any]], service: str, inside: str) -> list[str]:
    """The host ports of a service's containers."""
    return [
        one["NetworkSettings"]["Ports"][inside][0]["HostPort"]
        for name, one in containers.items()
        if name.startswith(f"{service}-")
    ]


PUBLISHED = "${MANY_BIND_ADDRESS:-127.0.0.1}:${MANY_PORT}:8080"


def test_three_replicas_get_a_port_each_and_go_back_to_one(stack: Stack) -> None:
    stack.service(
        "many",
        entry={"ports": {"MANY_PORT": 21}},
        ports=[PUBLISHED],
        deploy={"replicas": "${MANY_SCALE:-1}"},
        healthcheck={"test": ["CMD", "true"], "interval": "1s"},
    )
    stack.service("beside")
    stack.up()
    beside = stack.identities()["beside-1"]
    assert bound(stack.containers(), "many", "8080/tcp") == [str(stack.port(21))]
    assert stack.inv("env.set", "MANY_SCALE", "3").code == 0
    stack.up()
    three = {name: one for name, one in stack.containers().items() if name.startswith("many-")}
    assert len(three) == 3
    assert {one["State"]["Health"]["Status"] for one in three.values()} == {"healthy"}
    ports = bound(three, "many", "8080/tcp")
    assert len(set(ports)) == 3
    assert str(stack.port(21)) not in ports
    told = {s["name"]: s for s in stack.inv("status", "--json").json["data"]["services"]}["many"]
    assert (told["state"], told["health"]) == ("running (3/3)", "healthy")
    assert "nothing was changed" in stack.up().out
    assert stack.identities()["beside-1"] == beside
    # Recreated together, their ends are no crash loop.
    stack.up("--recreate")

    assert stack.inv("env.unset", "MANY_SCALE").code == 0
    stack.up()
    assert bound(stack.containers(), "many", "8080/tcp") == [str(stack.port(21))]


def test_three_backends_share_one_name(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(whole=True, **stacks.BUILT, STACK_PROFILES="core", BACKEND_SCALE="3")
    stack.up()
    containers = stack.containers()
    assert len(set(bound(containers, "backend", "8000/tcp"))) == 3
    script = "import socket; print(len({a[4][0] for a in socket.getaddrinfo('backend', 8000)}))"
    assert stack.exec("backend", "python", "-c", script).strip() == "3"


def test_a_database_is_not_scaled(stack: Stack) -> None:
    stack.service("small")
    stack.set(REDIS_SCALE="2")
    refused = stack.inv("up", "--json")
    assert refused.code == 1
    assert [problem["code"] for problem in refused.problems] == ["scale"]
    assert "redis can't be scaled" in refused.problems[0]["message"]
    assert stack.containers() == {}
