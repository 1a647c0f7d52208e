"""Data goes only when it was named and agreed to."""

import pytest

from stack import docker
from stack.commands import down
from stack.errors import fail


def test_the_data_is_named_where_the_engine_measures_for_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> str:
        raise fail("docker", "a disk usage operation is already running")

    monkeypatch.setattr(docker, "ask", busy)
    assert down.sized(["p_data"]) == ["p_data (size unknown)"]
    monkeypatch.setattr(docker, "ask", lambda *_, **__: "p_data 48.2MB\nother 1B\n")
    assert down.sized(["p_data"]) == ["p_data (48.2MB)"]
