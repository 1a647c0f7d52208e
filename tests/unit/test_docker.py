"""What is asked of the engine without a docker client."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack import docker, unixhttp
from stack.errors import StackError


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


def said(answer: bytes, path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """What is taken of an engine's answer."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")

        def serve() -> None:
            taken, _ = server.accept()
            with taken:
                taken.recv(1000)
                taken.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            return docker.told("/volumes")
        finally:
            thread.join()


def test_an_engine_at_a_socket_is_asked_without_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{"Volumes": [{"Name": "a"}]}'
    assert said(answer, tmp_path / "a", monkeypatch) == {"Volumes": [{"Name": "a"}]}
    assert said(b'HTTP/1.0 404 Not Found\r\n\r\n{"message": "no"}', tmp_path / "b", monkeypatch) is None


@pytest.mark.parametrize("answer", [b"HTTP/1.0 500 No\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n{", b"what?", b""])
def test_where_the_engine_refuses_or_is_none_the_client_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    with pytest.raises(LookupError):
        said(answer, tmp_path / "s", monkeypatch)


def row(identity: str, *names: str, **more: object) -> dict[str, object]:
    """An image as the engine lists it."""
    digests = [name for name in names if "@" in name] or None
    return {"Id": identity, "RepoTags": [name for name in names if "@" not in name], "RepoDigests": digests, **more}


def test_of_many_images_the_list_tells_and_what_it_leaves_open_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, digest = "web:1", f"web@sha256:{'0' * 64}"
    listed = [
        row("1", "web:1", Labels={"a": "b"}), row("2", "localhost/mine:2", Labels=None), row("3", "old:3"),
        row("4", "twice:4", Labels={}), row("5", "twice:4", Labels={}), row("6", "<none>:<none>", Labels={}),
    ]  # fmt: skip
    asked: list[str] = []

    def told(resource: str) -> object:
        asked.append(resource)
        name = resource.removeprefix("/images/").removesuffix("/json")
        if resource == "/images/json":
            return listed
        return row(f"of {name}", name, Config={"Labels": {"alone": "yes"}})

    monkeypatch.setattr(docker, "told", told)
    absent = [f"absent-{number}:1" for number in range(docker.MANY)]
    found = docker.images([digest, *absent, "mine:2", "old:3", "twice:4", f"docker.io/library/{plain}"])
    alone = {"alone": "yes"}
    assert list(found.items()) == [
        (digest, (f"of {digest}", alone)), ("mine:2", ("2", {})), ("old:3", ("of old:3", alone)),
        ("twice:4", ("of twice:4", alone)), ("docker.io/library/web:1", ("1", {"a": "b"})),
    ]  # fmt: skip
    assert asked == ["/images/json", f"/images/{digest}/json", "/images/old:3/json", "/images/twice:4/json"]


def test_few_images_are_asked_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(docker, "told", asked.append)
    assert docker.images(["web:1", "web:1", "db:2"]) == {}
    assert asked == ["/images/web:1/json", "/images/db:2/json"]


def test_an_image_gets_a_name_by_the_socket_and_a_refusal_in_the_clients_words(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    by_client: list[list[str]] = []
    body: list[bytes | None] = [b"", None]

    def answered(resource: str, values: object) -> bytes | None:
        asked.append(resource)
        return body.pop(0)

    monkeypatch.setattr(docker, "answered", answered)
    monkeypatch.setattr(docker, "ask", by_client.append)
    docker.tag("sha256:1", "genai-stack/kept:mine-1")
    assert (asked, by_client) == (["/images/sha256%3A1/tag?repo=genai-stack/kept&tag=mine-1"], [])
    docker.tag("sha256:2", "genai-stack/kept:mine-2")
    assert by_client == [["tag", "sha256:2", "genai-stack/kept:mine-2"]]


def test_an_engine_elsewhere_is_the_clients_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://far")
    with pytest.raises(LookupError):
        docker.told("/volumes")


def test_a_log_is_both_streams_of_an_answer() -> None:
    pieces = ((1, b"one\n"), (2, b"bad\n"), (1, b"two\n"))
    body = b"".join(bytes([stream, 0, 0, 0]) + len(text).to_bytes(4) + text for stream, text in pieces)
    assert unixhttp.streams(body) == (b"one\ntwo\n", b"bad\n")
    assert unixhttp.streams(b"") == (b"", b"")
    with pytest.raises(ValueError, match="one"):
        unixhttp.streams(b"one\ntwo\n")


def test_that_no_engine_answers_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(StackError) as told:
        docker.containers("mine")
    assert told.value.problems[0].message == f"no engine answers at unix://{tmp_path}/none"
    words = f"Cannot connect to the Docker daemon at unix://{tmp_path}/none. Is the docker daemon running?\n"
    assert docker.failed(["ps", "-a"], words).problems == told.value.problems


def test_that_nobody_may_ask_the_engine_is_told_without_the_words_of_its_interface() -> None:
    words = ("permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
             'Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/containers/json": connect: permission denied\n')  # fmt: skip
    [told] = docker.failed(["ps", "-a"], words).problems
    assert told.message == "you have no permission to use the Docker engine at unix:///var/run/docker.sock"
