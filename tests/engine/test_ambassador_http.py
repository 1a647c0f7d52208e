"""The stand-in for a web service that runs elsewhere."""

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.support import data, stacks
from tests.engine.support.data import Project
from tests.engine.support.ports import free_port
from tests.engine.support.stacks import docker
from tests.engine.support.web import web

pytestmark = pytest.mark.engine

HERE = Path(__file__).parent / "files"


@pytest.fixture(scope="module")
def tls(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates for far.test and what is below it."""
    data.build_images()
    return data.certificates(tmp_path_factory.mktemp("tls"))


def test_a_web_service_elsewhere_gets_its_own_name_by_verified_tls(tls: Path, tmp_path: Path) -> None:
    trusted = {"CERTIFICATES": str(tls), "AUTHORITY": "/tls/authority.pem", "WEB": str(HERE)}
    sources = {"redis": "external", "supabase-db": "external", "backend": "external"}
    project = Project(tmp_path / "checkout", sources, HERE / "far.yml", **trusted)
    try:
        project.up("web", "backend", BACKEND_EXTERNAL_URL="https://web.far.test:8443/below/")
        assert get(project, "/x?y=1") == (200, "host=web.far.test:8443 sni=web.far.test uri=/below/x?y=1")
        project.compose("up", "-d", "backend", BACKEND_EXTERNAL_URL="https://web.far.test:8443", AUTHORITY="")
        stacks.until(lambda: "certificate" in project.log("backend"), "a refusal of the certificate")
        assert project.exec("backend", "far", "http", "8000").code == 1
        assert get(project, "/")[0] == 502
    finally:
        project.remove()


def address(project: Project) -> tuple[str, int]:
    host, _, port = docker("port", project.container("backend"), "8000").strip().partition(":")
    return host, int(port)


def get(project: Project, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(*address(project), timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def near(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, int]]:
    """A backend that is taken to run on this machine, and its port; nothing listens there yet."""
    data.build_images()
    port = free_port()
    sources = {"backend": "localhost", "redis": "external", "supabase-db": "external"}
    project = Project(tmp_path_factory.mktemp("near") / "checkout", sources, BACKEND_LOCALHOST_PORT=str(port))
    try:
        with web(port):
            project.up("backend")
        yield project, port
    finally:
        project.remove()


def test_a_web_service_of_this_machine_sees_itself_asked_as_localhost(near: tuple[Project, int]) -> None:
    project, port = near
    with web(port):
        answer = get(project, "/a%2Fb/c?x=1&y=%20", **{"X-Forwarded-Proto": "https"})
        assert answer == (200, f"/a%2Fb/c?x=1&y=%20 localhost:{port} https")


def test_a_page_of_this_machine_keeps_its_own_origin_and_a_foreign_one_stays_foreign(tls: Path, tmp_path: Path) -> None:
    """ComfyUI refuses what comes from another origin than its Host, which is localhost now."""
    port = free_port()
    project = Project(tmp_path / "checkout", {"comfyui": "localhost"}, COMFYUI_LOCALHOST_PORT=str(port))
    try:
        with web(port):
            project.up("comfyui")
            host, _, published = docker("port", project.container("comfyui"), "8188").strip().partition(":")
            for page in (f"{host}:{published}", "comfyui.localhost:63002", "comfyui.localhost"):
                connection = http.client.HTTPConnection(host, int(published), timeout=30)
                own, foreign = f"http://{page}", f"http://x.{page}"
                for sent, seen in ((own, f"http://localhost:{port}"), (foreign, foreign)):
                    connection.request("GET", "/origin", headers={"Host": page, "Origin": sent})
                    assert connection.getresponse().read().decode() == f"localhost:{port} {seen}"
                connection.request("GET", "/origin", headers={"Host": page})
                assert connection.getresponse().read().decode() == f"localhost:{port} None"
                connection.close()
    finally:
        project.remove()


def test_streams_arrive_as_they_are_sent(near: tuple[Project, int]) -> None:
    project, port = near
    with web(port) as server:
        connection = http.client.HTTPConnection(*address(project), timeout=30)
        connection.request("GET", "/stream")
        answer = connection.getresponse()
        assert answer.read(5) == b"first"
        server.released.set()
        assert answer.read() == b"second"
        connection.close()


def test_web_sockets_and_large_bodies_pass(near: tuple[Project, int]) -> None:
    project, port = near
    with web(port):
        with socket.create_connection(address(project), timeout=30) as sock:
            sock.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            assert sock.recv(1024).startswith(b"HTTP/1.1 101 ")
            sock.sendall(b"hello")
            assert sock.recv(1024) == b"echo hello"
        connection = http.client.HTTPConnection(*address(project), timeout=30)
        connection.request("POST", "/", body=bytes(20_000_000))
        assert connection.getresponse().read() == b"20000000"
        connection.close()


def test_health_tells_of_the_far_end_although_something_listens(near: tuple[Project, int]) -> None:
    project, port = near
    with web(port):
        assert project.exec("backend", "far", "http", "8000").code == 0
    gone = project.exec("backend", "far", "http", "8000")
    assert gone.code == 1
    assert "the far end does not answer" in gone.out
    assert get(project, "/", apikey="hunter2")[0] == 502
    assert "hunter2" not in project.log("backend")
