"""Kafka's check, as its fragment writes it, run here against a stand-in that answers as Kafka's protocol says
(kafka.apache.org/protocol: ApiVersions, version 0)."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stack import yamlfile
from tests.support import ROOT

WELL = b"\0\0\0\x10" + b"\0\0\0\x2a" + b"\0\0" + b"\0\0\0\x01" + b"\0\x12\0\0\0\4"
"""Length, the request's number, no error, and one API: ApiVersions itself, 0 to 4."""
REFUSED = b"\0\0\0\x0a" + b"\0\0\0\x2a" + b"\0\x23" + b"\0\0\0\0"
"""The same with error 35, UNSUPPORTED_VERSION."""


def check(port: int, tool: Path) -> subprocess.CompletedProcess[bytes]:
    path = "compose/kafka.yml"
    healthcheck: Any = yamlfile.load(path, (ROOT / path).read_text())["services"]["kafka"]["healthcheck"]
    kind, *words = healthcheck["test"]
    assert kind == "CMD"
    assert "localhost/9092" in words[-1]
    line = words[-1].replace("$$", "$").replace("localhost/9092", f"127.0.0.1/{port}")
    line = line.replace("/opt/kafka/bin/kafka-broker-api-versions.sh", str(tool))
    return subprocess.run([*words[:-1], line], capture_output=True, check=False)


@contextmanager
def broker(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A stand-in of a broker that gives one answer; the list has what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            taken, _ = server.accept()
            with taken, taken.makefile("rb") as stream:
                # A length, and so many bytes.
                asked.append(size := stream.read(4))
                asked.append(stream.read(int.from_bytes(size)))
                taken.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], asked
        thread.join()


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """In the place of the image's own tool: it notes that it was run, and fails."""
    made = tmp_path / "tool"
    made.write_text(f'#!/bin/sh\necho "$KAFKA_HEAP_OPTS $*" > {tmp_path}/ran\nexit 7\n')
    made.chmod(0o755)
    return made


def test_a_broker_that_answers_is_well_without_the_tool(tool: Path) -> None:
    with broker(WELL) as (port, asked):
        assert check(port, tool).returncode == 0
    assert asked == [b"\0\0\0\x0a", b"\0\x12" + b"\0\0" + b"\0\0\0\x2a" + b"\xff\xff"]
    assert not (tool.parent / "ran").exists()


@pytest.mark.parametrize("answer", [REFUSED, b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_of_another_answer_the_tool_decides(answer: bytes, tool: Path) -> None:
    with broker(answer) as (port, _):
        assert check(port, tool).returncode == 7
    assert (tool.parent / "ran").read_text() == "-Xmx64m --bootstrap-server localhost:9092\n"


def test_where_nobody_listens_nothing_more_is_asked(tool: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert check(port, tool).returncode == 1
    assert not (tool.parent / "ran").exists()
