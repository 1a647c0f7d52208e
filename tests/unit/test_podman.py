"""What is other on a Podman: how it lists containers and images, and how its images are built."""

import io
import json
import queue
import socket
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer
from urllib.parse import parse_qsl, urlsplit

import pytest

from stack import docker
from stack.builds import podman
from stack.running import checks
from tests.synthetic import facts, planned

GREETING = b"HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\nLibpod-Api-Version: 5.4.2\r\n\r\nOK"
ROW = {"Id": "a", "Names": ["/mine-redis-1"], "State": "running", "Status": "Up 5 seconds", "Labels": {}}


@contextmanager
def engine(path: Path, answers: dict[str, object]) -> Iterator["queue.Queue[str]"]:
    """A Podman that gives these answers, by the beginning of what is asked; the queue has all that was asked."""
    asked: queue.Queue[str] = queue.Queue()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            while True:
                try:
                    taken, _ = server.accept()
                except OSError:
                    return
                with taken:
                    resource = taken.recv(10000).decode().split()[1]
                    asked.put(resource)
                    found = next((value for start, value in answers.items() if resource.startswith(start)), None)
                    body = b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(found).encode()
                    taken.sendall(GREETING if resource == "/_ping" else body)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_health_is_asked_of_podman_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    listed = {"/containers/json": [ROW], f"{docker.LIBPOD}/containers/json": [{"Id": "a", "Status": "unhealthy"}]}
    with engine(tmp_path / "s", listed):
        assert docker.podman()
        assert [(c.name, c.health) for c in docker.containers("mine")] == [("mine-redis-1", "unhealthy")]


def test_an_image_of_no_registry_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    image = {"Id": "sha256:1", "RepoTags": ["localhost/genai-stack/redis:0.1.0"], "Config": {"Labels": {"a": "b"}}}
    with engine(tmp_path / "s", {"/images/": image}):
        assert docker.images(["genai-stack/redis:0.1.0"]) == {"genai-stack/redis:0.1.0": ("sha256:1", {"a": "b"})}


def test_what_is_not_healthy_yet_is_checked_while_a_start_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    monkeypatch.setattr(checks, "PAUSE_S", 0.001)
    rows = [ROW, {**ROW, "Id": "b"}, {**ROW, "Id": "c"}]
    healths = [{"Id": "a", "Status": "healthy"}, {"Id": "b", "Status": ""}, {"Id": "c", "Status": "starting"}]
    answers = {"/containers/json": rows, f"{docker.LIBPOD}/containers/json": healths}
    with engine(tmp_path / "s", answers) as asked, checks.run("mine"):
        tried = next(resource for resource in iter(asked.get, "") if resource.endswith("/healthcheck"))
    assert tried == f"{docker.LIBPOD}/containers/c/healthcheck"


@contextmanager
def building(path: Path, lines: list[dict[str, str]]) -> Iterator["queue.Queue[tuple[str, list[str]]]"]:
    """A Podman that says these lines of a build; the queue has what it was asked, and the files that it got."""
    took: queue.Queue[tuple[str, list[str]]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with tarfile.open(fileobj=io.BytesIO(body)) as archive:
                took.put((self.path, archive.getnames()))
            self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + b"\n".join(json.dumps(line).encode() for line in lines))

    with UnixStreamServer(str(path), Handler) as server:
        threading.Thread(target=server.handle_request).start()
        yield took


def test_a_build_is_handed_to_podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing" / "Dockerfile").write_text("FROM nothing\n")
    (tmp_path / "ca.pem").write_text("an authority")
    service = {"image": "mine/thing:1", "build": {
        "context": f"{tmp_path}/thing", "dockerfile": "Dockerfile", "network": "host",
        "labels": {"stack.context": "abc"},
        "args": {"BASE_IMAGE": "genai-stack/base:0.1.0", "UNSET": None}, "secrets": [{"source": "ca", "target": "key"}],
    }}  # fmt: skip
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    said = io.StringIO()
    with building(tmp_path / "s", [{"stream": "STEP 1\n"}, {"error": "no such image"}]) as took:
        assert not podman.build(service, {"ca": {"file": f"{tmp_path}/ca.pem"}}, said)
    assert said.getvalue() == "STEP 1\nno such image"
    address, names = took.get()
    assert {"./Dockerfile", "podman-build-secret-key"} <= set(names)
    asked = dict(parse_qsl(urlsplit(address).query))
    assert json.loads(asked["buildargs"]) == {"BASE_IMAGE": "genai-stack/base:0.1.0"}
    assert asked["secrets"] == '["id=key,src=podman-build-secret-key"]'
    assert (asked["t"], asked["networkmode"], asked["labels"]) == ("mine/thing:1", "host", '{"stack.context": "abc"}')


def test_what_a_build_says_more_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    build = {
        "context": "./compose/cache",
        "dockerfile": "Dockerfile",
        "ssh": ["default"],
        "secrets": [{"source": "key"}],
    }
    found = facts({"cache": {"image": "mine/cache:1", "build": build}})
    found.model["secrets"] = {"key": {"environment": "KEY"}}
    monkeypatch.setattr(docker, "podman", lambda: True)
    (problem,) = podman.problems(planned(found))
    assert problem.message == "cache: its build has ssh, secrets.key without a file, which is not handed to Podman"
    monkeypatch.setattr(docker, "podman", lambda: False)
    assert podman.problems(planned(found)) == []
