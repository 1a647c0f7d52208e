"""Whether the host's ports are free, held against sockets of this process."""

import os
import socket
from collections.abc import Iterator

import pytest

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
