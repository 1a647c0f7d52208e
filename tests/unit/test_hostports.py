"""Whether the host's ports are free, held against sockets of this process."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import client, docker
from stack.planning import hostports
from stack.planning.ports import Published


@pytest.fixture(params=[("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)], ids=["tcp", "udp"])
def held(request: pytest.FixtureRequest) -> Iterator[Published]:
    """A port that a socket of this process holds."""
    protocol, kind = request.param
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        yield Published("web", "WEB_PORT", "127.0.0.1", sock.getsockname()[1], protocol)


def test_a_port_that_a_program_holds_is_taken(held: Published) -> None:
    assert not hostports._free(held.host_ip, held.host, held.protocol)
    assert not hostports._free("0.0.0.0", held.host, held.protocol)


def test_the_same_port_of_another_address_or_protocol_is_free(held: Published) -> None:
    other = "udp" if held.protocol == "tcp" else "tcp"
    assert hostports._free("127.0.0.2", held.host, held.protocol)
    assert hostports._free(held.host_ip, held.host, other)


def test_the_process_that_holds_a_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert hostports._process(server.getsockname()[1]).startswith(f"process {os.getpid()} (")


LISTEN = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); "
BOUND = '{"Name": "/%s-web-1", "Config": {"Labels": {"com.docker.compose.project": "%s"}}, "State": {}, '
PORTS = '"HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "%s"}]}}, "NetworkSettings": {}}'


@pytest.fixture
def forwarded(tmp_path: Path) -> Iterator[int]:
    """A port that a program called docker-proxy holds, as it does for a container on its way up, which `docker ps` does
    not list with its ports yet."""
    program = tmp_path / "docker-proxy"
    program.symlink_to(os.path.realpath(sys.executable))
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port = chosen.getsockname()[1]
    code = f"{LISTEN.replace(', 0)', f', {port})')} sys.stdin.read()"
    words = [str(program), "-c", code, "-proto", "tcp", "-host-port", str(port), "-container-port", "80"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == str(port)
        yield port
        process.kill()


@pytest.mark.parametrize(
    ("project", "told"),
    [("mine", ""), ("yours", "container yours-web-1 of project yours"), ("", "docker-proxy (process ")],
)
def test_the_engines_own_forwarder_is_told_as_the_container_that_it_is_for(
    forwarded: int, monkeypatch: pytest.MonkeyPatch, project: str, told: str
) -> None:
    row = f"{BOUND % (project, project)}{PORTS % forwarded}"
    monkeypatch.setattr(client, "endpoint", lambda: "ssh://far")
    monkeypatch.setattr(docker, "ask", lambda words: "an-id" if "-aq" in words and project else "")
    monkeypatch.setattr(docker, "run", lambda words: subprocess.CompletedProcess(words, 0, f"[{row}]", ""))
    found = hostports.problems([Published("web", "WEB_PORT", "127.0.0.1", forwarded)], "mine", 63000)
    assert [told in problem.message for problem in found] == ([True] if told else [])


def test_free_ports_need_no_engine_to_be_told_free() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    assert hostports.problems([Published("web", "WEB_PORT", "127.0.0.1", port)], "genai", 63000) == []


def test_a_base_port_is_suggested_from_which_every_port_is_free() -> None:
    base = hostports.free_base({0, 21}, 63000)
    assert base % 1000 == 0
    assert all(hostports._free("127.0.0.1", base + offset) for offset in (0, 21))


@pytest.mark.parametrize(("text", "ports"), [("80", [80]), ("80-82", [80, 81, 82]), ("", []), ("any", [])])
def test_a_range_of_the_engines_list_is_each_of_its_ports(text: str, ports: list[int]) -> None:
    assert list(hostports._range(text)) == ports


def test_of_podman_every_port_of_a_range_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [{"host_ip": "127.0.0.1", "host_port": 63101, "container_port": 6333, "range": 2, "protocol": "tcp"},
             {"host_ip": "", "host_port": 63110, "container_port": 80, "protocol": "tcp"}]  # fmt: skip
    rows = [{"Names": ["p-qdrant-1"], "Labels": {docker.PROJECT_LABEL: "p"}, "Ports": ports}, {"Names": ["x"]}]
    monkeypatch.setattr(docker, "podman", lambda: True)
    monkeypatch.setattr(docker, "told", lambda resource: rows if "/libpod/" in resource else None)
    assert hostports._containers() == dict.fromkeys((63101, 63102, 63110), ("p", "p-qdrant-1"))
