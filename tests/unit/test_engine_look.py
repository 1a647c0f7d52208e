"""What is seen of Docker: real sockets, a real home folder, and programs on PATH."""

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest

from stack import compose
from stack.engine import facts, probe
from stack.engine.verdict import judge

VERSION = {"Version": "28.2.2", "MinAPIVersion": "1.24", "Components": [{"Name": "Engine"}]}


class Handler(BaseHTTPRequestHandler):
    """Answers what its server was given."""

    answers: ClassVar[dict[str, Any]] = {}

    def do_GET(self) -> None:
        answer = self.answers.get(self.path)
        body = json.dumps(answer).encode() if answer is not None else b"the engine has no such page"
        self.send_response(200 if answer is not None else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def engine(path: Path, answers: dict[str, Any]) -> Iterator[str]:
    """An engine's API at a unix socket, as far as `answers` goes."""
    handler = type("Answers", (Handler,), {"answers": answers})
    with socketserver.ThreadingUnixStreamServer(str(path), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"unix://{path}"
        finally:
            server.shutdown()
            thread.join()


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder and a PATH of the test's own, and none of the variables that steer the client."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(compose, "PLUGINS", ())
    return tmp_path


def test_an_engine_says_its_version(tmp_path: Path) -> None:
    with engine(tmp_path / "s", {"/version": VERSION, "/info": {"SecurityOptions": ["name=seccomp"]}}) as at:
        seen = probe.ask(at)
    assert (seen.state, seen.product, seen.version, seen.min_api, seen.rootless) == (
        "answers",
        "docker",
        "28.2.2",
        "1.24",
        False,
    )


def test_podman_and_a_rootless_engine_are_told_apart(tmp_path: Path) -> None:
    podman = {"Version": "4.3.1", "Components": [{"Name": "Podman Engine"}]}
    with engine(tmp_path / "p", {"/version": podman, "/info": {"SecurityOptions": None}}) as at:
        assert probe.ask(at).product == "podman"
    with engine(tmp_path / "r", {"/version": VERSION, "/info": {"SecurityOptions": ["name=rootless"]}}) as at:
        assert probe.ask(at).rootless


def test_no_socket_an_abandoned_one_and_a_broken_engine_are_told_apart(tmp_path: Path) -> None:
    assert probe.ask(f"unix://{tmp_path}/none").state == "absent"
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(tmp_path / "old"))
    assert probe.ask(f"unix://{tmp_path}/old").state == "refused"
    with engine(tmp_path / "bad", {}) as at:
        seen = probe.ask(at)
    assert (seen.state, seen.detail) == ("failing", "the engine has no such page")


def test_a_machine_with_a_client_and_an_engine_of_its_own_is_ready(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(home / "bin" / "docker", 'echo "v2.40.3"')
    with engine(home / "s", {"/version": VERSION, "/info": {}}) as at:
        monkeypatch.setenv("DOCKER_HOST", at)
        seen = facts.look()
    assert (seen.docker, seen.compose, seen.endpoint) == (str(home / "bin" / "docker"), "2.40.3", at)
    assert judge(seen).kind == "ready"


def test_the_context_that_was_chosen_is_the_one_that_is_asked(home: Path) -> None:
    program(home / "bin" / "docker", "exit 1")
    meta = home / ".docker" / "contexts" / "meta" / "aa" / "meta.json"
    meta.parent.mkdir(parents=True)
    (home / ".docker" / "config.json").write_text('{"currentContext": "mine"}')
    with engine(home / "s", {"/version": VERSION, "/info": {}}) as at:
        meta.write_text(json.dumps({"Name": "mine", "Endpoints": {"docker": {"Host": at}}}))
        seen = facts.look()
    assert (seen.context, seen.endpoint) == ("mine", at)
    assert judge(seen).kind == "compose-missing"


def test_settings_that_cannot_be_read_count_as_none(home: Path) -> None:
    meta = home / ".docker" / "contexts" / "meta" / "aa" / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text("no JSON")
    (home / ".docker" / "config.json").write_text("[]")
    seen = facts.look()
    assert (seen.contexts, seen.context, seen.docker) == ({}, "default", "")


@pytest.mark.parametrize("stand_in", ["script", "link"])
def test_podmans_stand_in_for_docker_is_seen(home: Path, stand_in: str) -> None:
    podman = home / "bin" / "podman"
    program(podman, "exit 0")
    if stand_in == "link":
        (home / "bin" / "docker").symlink_to(podman)
    else:
        program(home / "bin" / "docker", 'exec /usr/bin/podman "$@"')
    assert judge(facts.look()).kind == "podman"


def test_installed_packages_are_seen_where_no_engine_answers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/none")
    program(home / "bin" / "dpkg-query", 'printf "docker.io not-installed\\npodman installed\\n"')
    assert facts.look().packages == ("podman",)
