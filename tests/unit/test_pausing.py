"""What a backup does with containers that are to stand still."""

from pathlib import Path

import pytest

from stack.backup import pausing
from stack.errors import StackError

ENGINE = """#!/bin/sh
echo "$@" >>{log}
case "$*" in *"{refuses}"*) echo "cgroups not configured for container" >&2; exit 1 ;; esac
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with what a docker was asked to do that refuses to pause `fixed`."""
    log = tmp_path / "log"
    (tmp_path / "docker").write_text(ENGINE.format(log=log, refuses="pause 1 fixed"))
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return log


def test_what_is_paused_goes_on_at_the_end(engine: Path) -> None:
    with pausing.paused({"notes": ["1", "2"]}):
        assert engine.read_text() == "pause 1 2\n"
    assert engine.read_text() == "pause 1 2\nunpause 1\nunpause 2\n"


def test_an_engine_that_can_not_pause_is_told_with_a_way_out_and_what_was_paused_goes_on(engine: Path) -> None:
    with pytest.raises(StackError) as caught, pausing.paused({"notes": ["1"], "n8n": ["fixed"]}):
        pytest.fail("it is not paused")
    [problem] = caught.value.problems
    assert problem.message == "the engine can't pause notes, n8n: cgroups not configured for container"
    assert problem.fix.startswith("docker compose stop notes n8n && ./inv backup")
    assert engine.read_text() == "pause 1 fixed\nunpause 1\nunpause fixed\n"


def test_with_nothing_to_pause_no_engine_is_asked(engine: Path) -> None:
    with pausing.paused({}):
        pass
    assert not engine.exists()
