"""What the docker client would go by, and what Compose's own words come to."""

import hashlib
import json
from pathlib import Path

import pytest

from stack import client, compose


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker client's folder of the test's own, and none of the variables that steer it."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def test_the_address_is_the_one_that_the_client_would_use(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.endpoint() == client.SOCKET
    folder = home / "contexts" / "meta" / hashlib.sha256(b"mine").hexdigest()
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"Name": "mine", "Endpoints": {"docker": {"Host": "unix:///mine"}}}))
    (home / "config.json").write_text('{"currentContext": "mine"}')
    assert client.endpoint() == "unix:///mine"
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    assert client.endpoint() == ""
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert client.endpoint() == client.SOCKET
    monkeypatch.setenv("DOCKER_HOST", "tcp://far:2376")
    assert client.endpoint() == "tcp://far:2376"


def test_compose_is_taken_from_where_the_client_takes_it(home: Path, tmp_path: Path) -> None:
    own, extra = home / "cli-plugins" / "docker-compose", tmp_path / "extra" / "docker-compose"
    for plugin in (own, extra):
        plugin.parent.mkdir()
        plugin.write_text("#!/bin/sh\n")
        plugin.chmod(0o755)
    assert compose.plugin() == own
    (home / "config.json").write_text(json.dumps({"cliPluginsExtraDirs": [str(extra.parent)]}))
    assert compose.plugin() == extra
    extra.chmod(0o644)
    assert compose.plugin() == own


def test_a_compose_that_crashes_on_a_file_is_told_without_its_trace() -> None:
    said = "panic: no such kind of value\n\ngoroutine 1 [running]:\nmain.main()\n\tmain.go:81 +0x1\n"
    problem = compose.refused(said).problems[0]
    assert problem.message == "Compose refuses the files: it crashed (panic: no such kind of value)"
