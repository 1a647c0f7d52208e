"""Faults of ports, networks and the gateway: doctor names the cause, and its own advice mends it."""

import json
import os
from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Any

import pytest

from tests.engine.support import standins
from tests.engine.support.doctor import errors, follow, found
from tests.engine.support.load import ask
from tests.engine.support.stacks import BASE, Stack, docker, listener, until

GATEWAY = "kong-api-gateway"
ROUTES = """_format_version: "3.0"
services:
  - name: "web"
    url: "http://web:8080"
    routes: [{name: "web", paths: ["/web/"]}]
"""
ELSEWHERE = "import http.server as h; h.ThreadingHTTPServer(('', 9999), h.SimpleHTTPRequestHandler).serve_forever()"
ANSWERS = {"test": ["CMD", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9999"], "interval": "1s"}


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with Python, and what stands for Kong."""
    standins.build(tmp_path_factory.mktemp("stand-in"))
    return standins.IMAGE


@pytest.fixture
def web(stack: Stack) -> Stack:
    """One service that is to publish a port."""
    stack.service("web", entry={"ports": {"WEB_PORT": 21}}, ports=["127.0.0.1:${WEB_PORT}:80"])
    return stack


def own_address(network: str) -> str:
    """This machine's address in a network: that of its bridge. An engine that was started anew on a network that it
    knew lists no Gateway; it is the first of the addresses then."""
    found: dict[str, Any] = json.loads(docker("network", "inspect", network))[0]["IPAM"]["Config"][0]
    return str(found.get("Gateway") or next(IPv4Network(found["Subnet"]).hosts()))


def test_a_port_that_a_program_holds_is_told_with_the_program(web: Stack) -> None:
    with listener(web.port(21)):
        seen = errors(web, "--check", "port-taken")["port-taken"]
        assert f"web wants port {web.port(21)} (WEB_PORT), which process {os.getpid()}" in seen
    assert errors(web, "--check", "port-taken") == {}


def test_a_port_that_another_project_holds_is_told_with_the_project(web: Stack) -> None:
    label = "com.docker.compose.project=somebody-else"
    name = f"{web.project}-other"
    docker("run", "-d", "--name", name, "--label", label, "-p", f"127.0.0.1:{web.port(21)}:80", BASE, "sleep", "99")
    try:
        row = found(web, "--check", "port-taken")["port-taken"][0]
    finally:
        docker("rm", "-f", name)
    assert f"which container {name} of project somebody-else holds" in row["seen"]
    assert row["fix"].startswith("./inv up --base-port ")
    assert errors(web, "--check", "port-taken") == {}


def test_a_container_that_was_cut_from_its_network_is_told_as_the_cause(stack: Stack, stand_in: str) -> None:
    serve = ["python3", "-m", "http.server", "8080"]
    stack.service("server", image=stand_in, command=serve, entry={"url": "http://server:8080"})
    stack.service("client", environment={"SERVER_URL": "http://server:8080"},
                  depends_on={"server": {"condition": "service_started"}})  # fmt: skip
    stack.up()
    assert errors(stack) == {}
    docker("network", "disconnect", f"{stack.project}_backend-bridge-network", f"{stack.project}-server-1")
    rows = found(stack)
    assert "server" in rows["membership"][0]["seen"]
    assert "reach" not in rows
    follow(stack, rows["membership"][0]["fix"])
    assert errors(stack) == {}
    docker("network", "disconnect", f"{stack.project}_backend-bridge-network", f"{stack.project}-server-1")
    assert stack.inv("doctor", "--fix", "--yes").code == 0
    assert errors(stack) == {}


def test_a_program_that_listens_for_its_own_machine_alone_is_told_with_its_setting(
    new_stack: Callable[..., Stack],
) -> None:
    gateway = own_address("bridge")
    stack = new_stack(REDIS_SOURCE="localhost", STACK_PROFILES="core", KONG_API_GATEWAY_SOURCE="disabled")
    port = stack.port(30)
    stack.set(AMBASSADOR_DIAL=gateway, REDIS_LOCALHOST_PORT=str(port))
    row = found(stack, "--check", "localhost-source")["localhost-source"][0]
    assert f"redis comes from this machine, and nothing answers at {gateway}:{port}" in row["seen"]
    with listener(port):
        row = found(stack, "--check", "localhost-source")["localhost-source"][0]
        assert "listens on 127.0.0.1 alone" in row["seen"]
        follow(stack, row["fix"].partition(" && ")[0])
        assert errors(stack, "--check", "localhost-source") == {}


def test_a_route_that_leads_to_nothing_is_told_with_what_is_there_instead(
    new_stack: Callable[..., Stack], stand_in: str
) -> None:
    stack = new_stack(KONG_API_GATEWAY_IMAGE=stand_in)
    routes = stack.root / "kong/kong.yml"
    routes.write_text(ROUTES)
    stack.service("web", image=stand_in, command=["python3", "-c", ELSEWHERE], expose=["8080", "9999"],
                  healthcheck=ANSWERS)  # fmt: skip
    stack.set(STACK_PROFILES="small,supabase")
    stack.up("--service", "web", "--service", GATEWAY)
    gateway = ("--check", "gateway-upstream", "--check", "gateway-config", "--check", "gateway-stale")
    row = found(stack, *gateway)["gateway-upstream"][0]
    assert "the route web of the gateway leads to web:8080, where it is refused: web listens on 9999" in row["seen"]
    assert "correct the url in kong/kong.yml, then ./inv up" in row["fix"]
    routes.write_text(ROUTES.replace("web:8080", "nobody:8080"))
    assert "nobody" in errors(stack, *gateway)["gateway-config"]
    routes.write_text(ROUTES.replace("8080", "9999"))
    stack.up("--service", "web", "--service", GATEWAY)
    assert errors(stack, *gateway) == {}


def test_of_a_route_to_nothing_it_is_told_what_haproxy_has(new_stack: Callable[..., Stack], stand_in: str) -> None:
    stack = new_stack(KONG_API_GATEWAY_SOURCE="build")
    (stack.root / "kong/kong.yml").write_text(ROUTES)
    stack.service("web", image=stand_in, command=["python3", "-c", ELSEWHERE], expose=["8080", "9999"],
                  healthcheck=ANSWERS)  # fmt: skip
    both = ("--service", "web", "--service", GATEWAY)
    stack.up(*both)
    # The first request shows HAProxy that nobody is there.
    assert ask(stack.port(2), "/web/")[0] == 503
    address = next(iter(stack.one("web")["NetworkSettings"]["Networks"].values()))["IPAddress"]
    seen = errors(stack, "--check", "gateway-upstream")["gateway-upstream"]
    assert f"where it is refused: web listens on 9999 (HAProxy has it down at {address})" in seen
    (stack.root / "kong/kong.yml").write_text(ROUTES.replace("8080", "9999"))
    stack.up(*both)
    until(lambda: ask(stack.port(2), "/web/")[0] == 200, "the route to the port that is listened on")
    assert errors(stack, "--check", "gateway-upstream") == {}
