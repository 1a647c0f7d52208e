"""A program of this machine on 127.0.0.1, with a rootless engine: refused, until there is a way to it."""

import socketserver
import threading
from collections.abc import Iterator

import pytest

from tests.engine.support import stacks
from tests.engine.support.stacks import Stack


class Redis(socketserver.StreamRequestHandler):
    """Answers PING, whatever is asked."""

    def handle(self) -> None:
        while self.request.recv(1000):
            self.request.sendall(b"+PONG\r\n")


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a program of this machine."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Redis) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.core
def test_the_way_that_is_told_leads_to_a_program_of_this_machine(stack: Stack, port: int) -> None:
    if not stacks.rootless():
        pytest.skip("the engine is not rootless")
    needs = {"redis": {"condition": "service_healthy"}}
    stack.service("reader", image=stacks.REDIS, depends_on=needs)
    stack.set(REDIS_SOURCE="localhost", REDIS_LOCALHOST_PORT=str(port))
    for words in (("plan",), ("up",)):
        refused = stack.inv(*words)
        assert refused.code == 1
        assert "redis-host reaches this machine by the host's network, and this engine is rootless" in refused.err
        assert "./inv env.set AMBASSADOR_DIAL 10.0.2.2" in refused.err
    assert stack.containers() == {}

    assert stack.inv("env.set", "AMBASSADOR_DIAL", "10.0.2.2").code == 0
    stack.up()
    assert stack.exec("reader", "redis-cli", "-h", "redis", "ping").strip() == "PONG"
