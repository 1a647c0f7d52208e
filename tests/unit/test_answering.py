"""A gateway of a cluster that finds what it routes to a moment after it is there."""

import contextlib
import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from stack.cluster import answering, tasks
from stack.cluster.nodes import Node
from stack.cluster.placement import Cluster
from stack.cluster.stackfile import Stack
from stack.gateway import entrance
from stack.gateway.declared import Route

OPEN, LOCKED = Route("", "/web", "web", ()), Route("", "/safe", "safe", ("basic-auth",))
NAMED = Route("chat.localhost", "/", "chat", ())


@contextlib.contextmanager
def gateway(*statuses: int) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """A server with these answers, the last one again and again; its port, and what it was asked."""
    asked: list[tuple[str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.headers["Host"], self.path))
            self.send_response(statuses[min(len(asked), len(statuses)) - 1])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, asked
        server.shutdown()


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch) -> None:
    row: tuple[str, dict[str, Any], dict[str, Any]] = (
        entrance.SERVICE,
        {"NodeID": "a", "Status": {"State": "running"}},
        {},
    )
    monkeypatch.setattr(tasks, "listed", lambda _: [row, ("web", {"NodeID": "b"}, {})])


def wait(port: int, *routes: Route, begun: tuple[str, ...] = ("web", "safe", "chat")) -> None:
    published: dict[str, Any] = {entrance.SERVICE: {"ports": [{"target": entrance.INSIDE, "published": port}]}}
    stack = Stack(published, {}, {}, {}, {}, {}, [], [])
    answering.wait("p", stack, routes, begun, Cluster([Node("a", "a", address="127.0.0.1")], "a"))


def test_a_gateway_is_asked_until_it_knows_who_stands_behind_its_open_routes() -> None:
    with gateway(503, 503, 404) as (port, asked):
        wait(port, LOCKED, OPEN, NAMED)
    assert asked == [(f"127.0.0.1:{port}", "/web")] * 3 + [("chat.localhost", "/")]


def test_nobody_asks_for_what_was_there_before() -> None:
    with gateway(503) as (port, asked):
        wait(port, OPEN, begun=("other",))
    assert asked == []


def test_who_always_answers_503_and_who_can_not_be_asked_hold_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "SEEN_S", 0.3)
    with gateway(503) as (port, asked):
        wait(port, OPEN)
    assert len(asked) > 1
    wait(port, OPEN)
