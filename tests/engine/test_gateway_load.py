"""The gateway from source `build` at work: routes and replicas come and go and no request fails, and what takes long or
much is passed on as it comes.

What lasts longest, a websocket, is opened before all of that and asked last."""

import contextlib
import random
import socket
import string
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.engine.standins.page import EVENTS
from tests.engine.support import standins
from tests.engine.support.gateway import Asker, Row
from tests.engine.support.load import ask, asked, connected, load, page
from tests.engine.support.stacks import Stack, docker, run
from tests.engine.test_gateway_reload import GATEWAY, ROUTES

CLIENTS = 50
ALL = ("--service", "web", "--service", "other", "--service", GATEWAY)
MEGABYTES, MEGABYTE = 100, bytes(2**20)
LASTS_S = 60
UPGRADE = (b"GET /other/both HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")  # fmt: skip
QUICK = ROUTES.replace("    routes:", "    connect_timeout: 2000\n    routes:")
MORE = """  - name: "other"
    url: "http://other:8080"
    routes: [{name: "other", paths: ["/other/"]}]
  - name: "keyed"
    url: "http://web:8080"
    routes: [{name: "keyed", paths: ["/keyed/"]}]
    plugins: [{name: "key-auth"}, {name: "acl", config: {allow: ["keys"]}}]
  - name: "asking"
    url: "http://web:8080"
    routes: [{name: "asking", paths: ["/asking/"]}]
    plugins: [{name: "basic-auth"}]
consumers:
  - username: "anon"
    keyauth_credentials: [{key: "${SUPABASE_ANON_KEY}"}]
    acls: [{group: "keys"}]
  - username: "stranger"
    keyauth_credentials: [{key: "${SUPABASE_SECRET_KEY}"}]
  - username: "admin"
    basicauth_credentials: [{username: "${DASHBOARD_USERNAME}", password: "${DASHBOARD_PASSWORD}"}]
"""


@pytest.fixture(scope="module")
def front(new_lasting_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A gateway of source `build` before one page."""
    standins.build(tmp_path_factory.mktemp("stand-in"))
    stack = new_lasting_stack(KONG_API_GATEWAY_SOURCE="build")
    (stack.root / "kong/kong.yml").write_text(QUICK + MORE)
    page(stack, "web")
    page(stack, "other", 22)
    stack.up(*ALL)
    return stack


class Websocket(threading.Thread):
    """A websocket on which something is said every second, and comes back, until it has lasted a minute."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port, self.opened, self.closed = port, threading.Event(), threading.Event()
        self.lasted = 0.0

    def run(self) -> None:
        with contextlib.closing(socket.create_connection(("127.0.0.1", self.port), timeout=30)) as sock:
            sock.sendall(UPGRADE)
            assert sock.recv(4096).startswith(b"HTTP/1.1 101 ")
            self.opened.set()
            began = time.monotonic()
            while self.lasted < LASTS_S and not self.closed.wait(1):
                sock.sendall(b"still")
                assert sock.recv(4096) == b"still"
                self.lasted = time.monotonic() - began


@pytest.fixture(scope="module")
def websocket(front: Stack) -> Iterator[Websocket]:
    """One that is open before any route changes."""
    made = Websocket(front.port(2))
    made.start()
    assert made.opened.wait(30)
    yield made
    made.closed.set()
    made.join()


def test_routes_come_and_go_twenty_times_and_no_request_fails(front: Stack, websocket: Websocket) -> None:
    port, before = front.port(2), front.identities()
    with load(port, CLIENTS, CLIENTS // 2) as requests:
        for at in range(10):
            path = f"/added-{at}"
            added = front.inv("route.add", "--service", "web", "--path", path)
            assert "the running gateway took it" in added.out, added
            assert ask(port, f"{path}/").status == 200
            removed = front.inv("route.remove", f"web-added-{at}")
            assert removed.code == 0, removed
            assert ask(port, f"{path}/").status == 404
            assert websocket.is_alive() or websocket.lasted >= LASTS_S
        requests.until_more(CLIENTS)
    assert requests.failed() == {}
    assert front.identities() == before


def test_a_large_upload_arrives_whole(front: Stack) -> None:
    with contextlib.closing(connected(front.port(2))) as connection:
        length = {"Content-Length": str(MEGABYTES * len(MEGABYTE))}
        connection.request("POST", "/web/upload", (MEGABYTE for _ in range(MEGABYTES)), length)
        assert connection.getresponse().read() == length["Content-Length"].encode()


def test_each_event_of_a_stream_arrives_before_the_next_is_sent(front: Stack) -> None:
    """The page sends the next one when it is told that the one before has arrived: where the gateway keeps one back,
    nothing comes any more. Whoever tells it keeps one connection."""
    with (
        contextlib.closing(connected(front.port(2))) as stream,
        contextlib.closing(connected(front.port(2))) as telling,
    ):
        stream.request("GET", "/web/events")
        events = stream.getresponse()
        sockets = set[socket.socket | None]()
        for number in range(EVENTS):
            assert events.readline() == b"data: %d\n" % number
            assert events.readline() == b"\n"
            assert asked(telling, "/web/arrived").status == 200
            sockets.add(telling.sock)
        assert events.read() == b""
        assert len(sockets) == 1


def test_no_wrong_key_or_password_gets_in_or_breaks_anything_and_none_is_written_down(front: Stack) -> None:
    chance = random.Random(0)
    right = front.env()
    with contextlib.closing(Asker(front.port(2))) as asker:
        good = Row("GET", "localhost", "/keyed/arrived", key=right["SUPABASE_ANON_KEY"])
        assert asker.send(good)[0].status == 200
        assert asker.send(good._replace(key=right["SUPABASE_SECRET_KEY"]))[0].status == 403
        login = Row("GET", "localhost", "/asking/arrived", login=("admin", right["DASHBOARD_PASSWORD"]))
        assert asker.send(login)[0].status == 200
        wrong = ["".join(chance.choices(string.printable[:95] + "äß", k=chance.choice([1, 9, 40, 4000])))
                 for _ in range(100)]  # fmt: skip
        statuses = Counter[int]()
        for text in wrong:
            key = chance.choice([good._replace(key=quoted(text)), good._replace(key="", asked=text)])
            statuses[asker.send(key)[0].status] += 1
            names = chance.choice([(text, text), ("admin", text), (text, right["DASHBOARD_PASSWORD"])])
            statuses[asker.send(login._replace(login=names))[0].status] += 1
        assert statuses == {401: 200}
    said = run("docker", "logs", f"{front.project}-{GATEWAY}-1").text
    assert "/asking/arrived" in said
    secrets = [value for name, value in right.items() if name.endswith(("_KEY", "_PASSWORD", "_SECRET"))]
    assert [text for text in (*secrets, *wrong) if len(text) > 8 and text in said] == []


def quoted(text: str) -> str:
    """A text as a header carries it: no spaces at its ends, and in latin-1."""
    return text.strip() or "x"


def replicas(stack: Stack) -> set[str]:
    """The containers of the page, as they call themselves."""
    return {one["Id"][:12] for name, one in stack.containers().items() if name.startswith("web-")}


def scaled(stack: Stack, count: int) -> None:
    """Have so many replicas, as a user does."""
    assert stack.inv("env.set", "WEB_SCALE", str(count)).code == 0
    stack.up(*ALL)
    assert len(replicas(stack)) == count


def test_replicas_come_and_go_and_one_dies_and_no_request_fails(front: Stack) -> None:
    """From one to three the first is made anew, as its port goes. What one that is killed had under way is asked of
    another."""
    with load(front.port(2), CLIENTS, CLIENTS // 2) as requests:
        scaled(front, 3)
        began = len(requests.hosts)
        requests.until_more(600)
        shares = Counter(requests.hosts[began:])
        assert set(shares) == replicas(front)
        assert max(shares.values()) - min(shares.values()) <= 0.2 * sum(shares.values()) / 3
        scaled(front, 2)
        requests.until_more(CLIENTS)
        scaled(front, 3)
        dead = max(replicas(front))
        docker("kill", dead)
        killed = len(requests.hosts)
        requests.until_more(6 * CLIENTS)
        assert dead not in requests.hosts[killed + CLIENTS :]
        scaled(front, 1)
        requests.until_more(CLIENTS)
    assert requests.failed() == {}


def test_a_websocket_lasts_a_minute_across_all_of_that(websocket: Websocket) -> None:
    websocket.join()
    assert websocket.lasted >= LASTS_S
