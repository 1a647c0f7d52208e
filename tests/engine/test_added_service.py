"""A service that one command added: started, reached, scaled, and taken away without a trace."""

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from stack import yamlfile
from stack.names import variable
from tests.compose_files import API, SEARCH
from tests.engine.support import standins
from tests.engine.support.stacks import BUILT, REDIS, Stack, docker
from tests.support import ROOT


def answer(url: str) -> bytes:
    with urlopen(url, timeout=10) as response:
        return bytes(response.read())


def tree(stack: Stack) -> dict[str, bytes]:
    """The checkout's own files."""
    folders = ("compose", "overrides", "kong", "docs")
    files = [path for folder in folders for path in (stack.root / folder).rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in [*files, stack.root / ".env.example"]}


def test_the_bare_command_gives_a_service_that_answers_as_it_is(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(whole=True, **BUILT, STACK_PROFILES="core", OPEN_WEB_UI_SOURCE="disabled")
    assert stack.inv("docs").code == 0
    before = tree(stack)
    assert stack.inv("add-service", "my-service").code == 0
    stack.up("--profile", "app")
    told = json.loads(answer(f"http://127.0.0.1:{stack.port(21)}/"))
    assert told == {"service": "my-service", "knows": ["DATABASE_URL", "REDIS_URL"]}
    # What the guide types to look from inside, and its plain pattern for Redis.
    assert "accepting connections" in stack.exec("my-service", "pg_isready", "-h", "supabase-db")
    for tool in ("netstat", "ss"):
        assert ":8000" in stack.exec("my-service", tool, "-tln")
    script = "import os, socket; s = socket.create_connection((os.environ['REDIS_HOST'], 6379)); s.sendall("
    script += "b'AUTH %b\\r\\nPING\\r\\n' % os.environb[b'REDIS_PASSWORD']); print(s.makefile().readlines(9))"
    assert "+PONG" in stack.exec("my-service", "python3", "-c", script)
    assert stack.inv("remove-service", "my-service").code == 0
    assert not [name for name in stack.identities() if name.startswith("my-service")]
    assert tree(stack) == before


def pong(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(100)


def test_a_service_of_an_image_is_scaled_and_goes_with_its_data(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(REDIS_SOURCE="build")
    assert stack.inv("docs").code == 0
    before = tree(stack)
    words = [
        "--image",
        REDIS,
        "--port",
        "6379",
        "--profile",
        "small",
        "--depends-on",
        "redis",
        "--volume",
        "kept:/kept",
    ]
    words += ["--command", "redis-server --protected-mode no", "--health", "cmd:redis-cli ping", "--route", "/queue"]
    added = stack.inv("add-service", "queue", *words)
    assert added.code == 0, added
    stack.up()
    assert pong(stack.port(21)) == b"+PONG\r\n"
    url = docker("inspect", "-f", "{{.Config.Env}}", f"{stack.project}-queue-1")
    assert f"redis://default:{stack.env()['REDIS_PASSWORD']}@redis:6379" in url
    assert stack.inv("env.set", "QUEUE_SCALE", "3").code == 0
    stack.up()
    # Not by number: the further ones come before the first is made anew, whose published port changes.
    assert sorted(name.rpartition("-")[0] for name in stack.identities()) == ["queue", "queue", "queue", "redis"]
    assert stack.inv("env.unset", "QUEUE_SCALE").code == 0
    gone = stack.inv("remove-service", "queue", "--volumes")
    assert gone.code == 0, gone
    assert stack.identities().keys() == {"redis-1"}
    assert f"{stack.project}_kept" not in docker("volume", "ls", "-q").split()
    assert tree(stack) == before


def test_in_tiers_a_service_reaches_what_it_depends_on_and_the_gateway_reaches_it(
    new_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    """The gateway is a stand-in; what it can connect to is asked in its container."""
    standins.build(tmp_path)
    stack = new_stack(REDIS_SOURCE="build", NETWORK="tiered", KONG_API_GATEWAY_IMAGE=standins.IMAGE)
    (stack.root / "kong/kong.yml").write_text('_format_version: "3.0"\n')
    assert stack.inv("docs").code == 0
    before = tree(stack)
    words = ["--image", REDIS, "--port", "6379", "--profile", "small", "--depends-on", "redis", "--route", "/queue"]
    added = stack.inv("add-service", "queue", *words, "--command", "redis-server --protected-mode no")
    assert added.code == 0, added
    stack.up("--service", "queue", "--service", "kong-api-gateway")
    assert "PONG" in stack.exec("queue", "sh", "-c", 'redis-cli -u "$REDIS_URL" --no-auth-warning ping')
    assert '"http://queue:6379"' in (stack.root / ".stack/gateway/kong.yml").read_text()
    stack.exec("kong-api-gateway", "bash", "-c", "exec 3<>/dev/tcp/queue/6379")
    assert stack.exec("kong-api-gateway", "sh", "-c", "getent hosts redis || echo none") == "none\n"
    gone = stack.inv("remove-service", "queue")
    assert gone.code == 0, gone
    assert tree(stack) == before


class Far(socketserver.StreamRequestHandler):
    """A program of no protocol that anybody knows: it waits for a line first, and says where it was reached."""

    def handle(self) -> None:
        while self.rfile.readline():
            self.wfile.write(f"+{self.connection.getsockname()[0]}\r\n".encode())


@contextlib.contextmanager
def far(address: str) -> Iterator[int]:
    """That program at a port of an address, while the block runs."""
    with socketserver.ThreadingTCPServer((address, 0), Far) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


def test_a_service_of_any_protocol_may_run_on_this_machine_or_elsewhere(stack: Stack) -> None:
    words = ["--image", REDIS, "--port", "6379", "--profile", "small", "--command", "redis-server --protected-mode no"]
    stack.service("beside")
    added = stack.inv("add-service", "queue", *words, "--source", "localhost", "--source", "external")
    assert added.code == 0, added
    with far("127.0.0.1") as port:
        stack.set(QUEUE_LOCALHOST_PORT=str(port))
        stack.up("--source", "queue=localhost")
        assert pong(stack.port(21)) == b"+127.0.0.1\r\n"
    failed = stack.inv("up", "--recreate", "--timeout", "14", "--json")
    assert failed.code == 1
    assert "the far end does not answer" in failed.out

    network = f"{stack.project}_backend-bridge-network"
    gateway = docker("network", "inspect", network, "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()
    with far(gateway) as port:
        stack.set(QUEUE_EXTERNAL_URL=f"tcp://{gateway}:{port}")
        stack.up("--source", "queue=external")
        assert pong(stack.port(21)) == f"+{gateway}\r\n".encode()
    assert stack.identities().keys() == {"queue-1", "beside-1"}


GUIDES = ROOT / "tests/theirs"
# An engine in a container may not lift the limit of locked memory.
THEIRS = {
    "search.yml": SEARCH.replace("memlock: {soft: -1, hard: -1}", "nofile: 1024"),
    "api.yml": API.replace("DB_URL", "DATABASE_URL"), "api.env": "LEVEL=info\n",
}  # fmt: skip
"""The guide's examples, as files of a user's own."""


def stand_in(stack: Stack, name: str) -> None:
    """Have the stand-in take the place of each program of an added service: by the image's setting, and by a layer of
    the user's own that says on which ports it answers."""
    document = yamlfile.load(name, (stack.root / "compose" / f"{name}.yml").read_text())
    services: dict[str, Any] = {}
    for service, raw in document["services"].items():
        stack.set(**{variable(service, "IMAGE"): standins.IMAGE})
        ports = [port.rpartition(":")[2] for port in raw.get("ports") or []]
        services[service] = {"entrypoint": ["stand-in", "serve", *ports, "--"]}
    (stack.root / "local/compose").mkdir(parents=True, exist_ok=True)
    (stack.root / "local/compose" / f"{name}.yml").write_text(json.dumps({"services": services}))


def test_the_guides_four_examples_are_one_command_each_and_answer(
    new_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    """On a catalogue without them. my-service is what the command writes; Elasticsearch, Prometheus with Grafana, and
    the custom API are stand-ins, as their images can't be had everywhere; the API's database is the real one."""
    standins.build(tmp_path)
    stack = new_stack(**BUILT, STACK_PROFILES="core")
    (stack.root / "kong/kong.yml").write_text('_format_version: "3.0"\n')
    assert stack.inv("docs").code == 0
    before = tree(stack)
    for path, text in THEIRS.items():
        (stack.root / "theirs").mkdir(exist_ok=True)
        (stack.root / "theirs" / path).write_text(text)
    words = {
        "my-service": [],
        "search": ["--from-compose", "theirs/search.yml", "--health", "http:/_cluster/health"],
        "monitoring": ["--from-compose", str(GUIDES / "guide-grafana/compose.yml"), "--health", "http:/api/health"],
        "custom-api": ["--from-compose", "theirs/api.yml", "--map", "db=supabase-db"],
        "step-one": ["--from-compose", str(GUIDES / "guide-step-one/compose.yml")],
    }
    for name, given in words.items():
        added = stack.inv("add-service", name, *given)
        assert added.code == 0, added
    for name in list(words)[1:]:
        stand_in(stack, name)
    stack.up(*(word for name in words for word in ("--service", name)))

    expected = {f"{name}-1" for name in (*words, "monitoring-prometheus", "supabase-db", "supabase-db-init", "redis")}
    assert stack.containers().keys() == expected
    assert b'"my-service"' in answer(f"http://127.0.0.1:{stack.port(21)}/")
    # Elasticsearch, Grafana, Prometheus, the API and the guide's first step, in the order in which they came.
    for offset in (22, 23, 24, 25, 26):
        assert b"green" in answer(f"http://127.0.0.1:{stack.port(offset)}/")
    assert "green" in stack.exec("monitoring", "curl", "-s", "http://monitoring-prometheus:9090/")
    for name in ("custom-api", "step-one"):
        reached = docker("inspect", "-f", "{{.Config.Env}}", f"{stack.project}-{name}-1")
        assert f"postgresql://app:{stack.env()['SUPABASE_DB_PASSWORD']}@supabase-db:5432/postgres" in reached
    assert f"redis://default:{stack.env()['REDIS_PASSWORD']}@redis:6379/" in reached

    for name in words:
        gone = stack.inv("remove-service", name, "--volumes")
        assert gone.code == 0, gone
    assert stack.containers().keys() == {"supabase-db-1", "supabase-db-init-1", "redis-1"}
    assert not (stack.root / "local").exists()
    assert tree(stack) == before
