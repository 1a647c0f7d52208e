"""A service that one command added: started, reached, scaled, and taken away without a trace."""

import json
import socket
from collections.abc import Callable
from urllib.request import urlopen

from tests.engine.support_stack import BUILT, REDIS, Stack, docker


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
    assert {"queue-1", "queue-2", "queue-3", "redis-1"} == stack.identities().keys()
    assert stack.inv("env.unset", "QUEUE_SCALE").code == 0
    gone = stack.inv("remove-service", "queue", "--volumes")
    assert gone.code == 0, gone
    assert stack.identities().keys() == {"redis-1"}
    assert f"{stack.project}_kept" not in docker("volume", "ls", "-q").split()
    assert tree(stack) == before
