"""On a Debian whose Python cannot make an environment: what is installed, and what is told."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from stack import bootstrap


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Debian's own Python, root without a terminal, and an apt-get that notes its words in the file given."""
    log = tmp_path / "log"
    script = tmp_path / "apt-get"
    script.write_text(f'#!/bin/sh\necho "$@" >> {log}\n[ "$1" = install ] || exit 100\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3.11")
    monkeypatch.setattr(os.path, "realpath", str)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(sys, "version_info", (3, 11, 2))
    return log


def test_without_consent_the_command_is_told_and_nothing_done(apt: Path) -> None:
    with pytest.raises(bootstrap.UnpreparedError) as told:
        bootstrap.add_venv_module(["up"])
    assert told.value.fix == "apt-get update && apt-get install -y python3.11-venv"
    assert not apt.exists()


def test_a_user_who_is_not_root_gets_the_command_with_sudo(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(bootstrap.UnpreparedError) as told:
        bootstrap.add_venv_module(["up", "--yes"])
    assert told.value.fix == "sudo apt-get update && sudo apt-get install -y python3.11-venv"


@pytest.mark.parametrize("words", [["up", "--yes"], ["test"], ["--json", "test", "-k", "x"]])
def test_with_consent_the_package_of_that_very_python_is_installed(apt: Path, words: list[str]) -> None:
    bootstrap.add_venv_module(words)
    update, install = apt.read_text().splitlines()
    assert update == "update"
    assert install.startswith("install -y ")
    assert install.endswith(" python3.11-venv")


@pytest.mark.parametrize("words", [["up"], [], ["up", "--", "--yes"], ["plan", "test"]])
def test_other_words_are_no_consent(words: list[str]) -> None:
    assert not bootstrap.agreed(words)


def test_a_failing_apt_is_told_by_its_last_lines(apt: Path) -> None:
    script = apt.with_name("apt-get")
    script.write_text("#!/bin/sh\necho 'E: Unable to locate package'\nexit 100\n")
    with pytest.raises(bootstrap.UnpreparedError, match="Unable to locate package"):
        bootstrap.add_venv_module(["test"])


def test_a_python_that_is_not_debians_is_not_mended_with_its_package(
    apt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/python/bin/python3")
    with pytest.raises(bootstrap.UnpreparedError) as told:
        bootstrap.add_venv_module(["test"])
    assert "/opt/python/bin/python3 -m pip install --user uv" in told.value.fix
    assert not apt.exists()


def test_the_launcher_and_the_bootstrap_agree_on_what_an_environment_is_made_from() -> None:
    text = (bootstrap.ROOT / "inv").read_text()
    for kind, names in bootstrap.SOURCES.items():
        assert all(f"$root/{name}" in text for name in names), kind


def test_nothing_but_the_place_of_this_checkout_is_read_at_every_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "distutils-precedence.pth").write_text("import os\n")
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "_run", lambda *_, **__: f"{tmp_path}\n")
    bootstrap.install("run")
    assert [path.read_text() for path in tmp_path.glob("*.pth")] == [f"{bootstrap.ROOT}\n"]


def test_the_first_run_in_a_folder_that_is_no_clone_keeps_what_was_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    copy = tmp_path / bootstrap.SHIPPED
    for name in (
        "inv",
        ".env",
        "local/mine",
        "compose/web.yml",
        "tests/theirs/.env",
        "stack/__pycache__/x.pyc",
        ".stack/x",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".git").touch()
    bootstrap.keep_shipped()
    assert not copy.exists()
    (tmp_path / ".git").unlink()
    bootstrap.keep_shipped()
    with tarfile.open(copy) as tar:
        assert {one.name for one in tar if one.isfile()} == {"inv", "compose/web.yml", "tests/theirs/.env"}
    # Once there is an environment, something of it may be changed.
    copy.unlink()
    (tmp_path / ".venv").mkdir()
    bootstrap.keep_shipped()
    assert not copy.exists()


def test_a_terminal_sees_that_a_long_step_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Child:
        """Ends at the third look."""

        waits = iter([True, True, False])

        def wait(self, seconds: float) -> int:
            if next(self.waits):
                raise subprocess.TimeoutExpired("pip", seconds)
            return 0

    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", shown)
    assert bootstrap._wait(Child()) == 0  # type: ignore[arg-type]
    assert shown.getvalue() == "\r.\r..\n"
