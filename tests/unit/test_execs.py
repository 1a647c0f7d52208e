"""A program that is run inside a container: by the engine's socket, or by the client where that does not serve."""

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stack import docker, execs

SAID = bytes([1, 0, 0, 0]) + (3).to_bytes(4) + b"hi\n" + bytes([2, 0, 0, 0]) + (4).to_bytes(4) + b"bad\n"
MADE, STARTED, ENDED = b'{"Id": "e1"}', SAID, b'{"ExitCode": 3, "Running": false}'


@contextmanager
def engine(path: Path, *answers: tuple[int, bytes]) -> Iterator[list[tuple[str, Any]]]:
    """A stand-in of an engine that gives these answers in turn; the list has what it was asked."""
    asked: list[tuple[str, Any]] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            for status, body in answers:
                taken, _ = server.accept()
                with taken, taken.makefile("rb") as stream:
                    words, length = stream.readline().decode().split(), 0
                    while line := stream.readline().strip():
                        length = int(line.split()[1]) if line.startswith(b"Content-Length") else length
                    asked.append((" ".join(words[:2]), json.loads(stream.read(length) or b"null")))
                    taken.sendall(f"HTTP/1.0 {status} said\r\n\r\n".encode() + body)

        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
        thread.join()


def test_a_program_is_run_by_the_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    with engine(tmp_path / "s", (201, MADE), (200, STARTED), (200, ENDED)) as asked:
        done = execs.run("c1", ["ask", "it's"], user="65534:65534")
    assert (done.returncode, done.stdout, done.stderr) == (3, "hi\n", "bad\n")
    (made, wanted), (started, how), (seen, _) = asked
    assert (made, started, seen) == ("POST /containers/c1/exec", "POST /exec/e1/start", "GET /exec/e1/json")
    assert (wanted["Cmd"], wanted["User"], how["Tty"]) == (["ask", "it's"], "65534:65534", False)


@pytest.mark.parametrize("answers", [
    [(404, b"{}")], [(409, b"{}")], [(201, b"what?")], [(201, MADE), (200, b"no streams")],
    [(201, MADE), (200, STARTED), (200, b'{"ExitCode": null}')],
])  # fmt: skip
def test_where_that_does_not_serve_the_client_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: list[tuple[int, bytes]]
) -> None:
    ran: list[list[str]] = []

    def run(words: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
        ran.append(words)
        return subprocess.CompletedProcess(words, 0, "by the client", "")

    monkeypatch.setattr(docker, "run", run)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    with engine(tmp_path / "s", *answers):
        assert execs.run("c1", ["ask"], user="1").stdout == "by the client"
    assert ran == [["exec", "--user", "1", "c1", "ask"]]


def test_an_engine_elsewhere_is_the_clients_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://far")
    monkeypatch.setattr(docker, "run", lambda words, timeout: subprocess.CompletedProcess(words, 0, "far", ""))
    assert execs.run("c1", ["ask"]).args == ["exec", "c1", "ask"]
