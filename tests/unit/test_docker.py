"""What is asked of the engine without a docker client."""

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack import docker


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker client's folder of the test's own, and none of the variables that steer it."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


@contextmanager
def engine(path: Path, answer: bytes) -> Iterator[str]:
    """A socket on which one question gets an answer."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            taken, _ = server.accept()
            with taken:
                assert taken.recv(1000).startswith(b"GET /_ping HTTP/1.0\r\n")
                taken.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"unix://{path}"
        thread.join()


@pytest.mark.parametrize(
    ("answer", "api"),
    [
        (b"HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\nDocker-Experimental: false\r\n\r\nOK", (1, 41)),
        (b"HTTP/1.0 200 OK\r\napi-version:1.51\r\n\r\nOK", (1, 51)),
        (b"HTTP/1.0 200 OK\r\nLibpod-API-Version: 5.4.2\r\nAPI-Version: 1.41\r\n\r\nOK", (1, 41)),
        (b"HTTP/1.0 500 No\r\n\r\n", (0, 0)),
        (b"", (0, 0)),
    ],
)
def test_an_engine_says_its_api_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes, api: tuple[int, int]
) -> None:
    with engine(tmp_path / "s", answer) as at:
        monkeypatch.setenv("DOCKER_HOST", at)
        assert docker.api() == api


def test_an_engine_elsewhere_or_none_has_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for host in (f"unix://{tmp_path}/none", "tcp://127.0.0.1:1", "ssh://nowhere"):
        monkeypatch.setenv("DOCKER_HOST", host)
        assert docker.api() == (0, 0)


def test_the_address_is_the_one_that_the_client_would_use(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert docker.endpoint() == docker.SOCKET
    folder = home / "contexts" / "meta" / hashlib.sha256(b"mine").hexdigest()
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"Name": "mine", "Endpoints": {"docker": {"Host": "unix:///mine"}}}))
    (home / "config.json").write_text('{"currentContext": "mine"}')
    assert docker.endpoint() == "unix:///mine"
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    assert docker.endpoint() == ""
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert docker.endpoint() == docker.SOCKET
    monkeypatch.setenv("DOCKER_HOST", "tcp://far:2376")
    assert docker.endpoint() == "tcp://far:2376"
