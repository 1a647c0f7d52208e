"""./inv in a checkout of its own: prepares .venv when it has to, and runs the program as it was asked to."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
PROGRAM = """\
import json, os, sys
print(json.dumps({"words": sys.argv[1:], "cwd": os.getcwd(), "path": sys.path, "name": __package__}))
"""
PREPARING = "preparing .venv …"
BROKEN = 'echo "pyenv: $0: command not found" >&2; exit 127'


class Launcher:
    """A checkout with the real launcher and a program that tells how it was run; PATH holds what is given."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.root = folder / "a checkout"
        self.bin.mkdir(parents=True)
        for tool in ("sh", "cat", "uname", "readlink"):
            (self.bin / tool).symlink_to(shutil.which(tool) or tool)
        (self.root / "stack").mkdir(parents=True)
        shutil.copy(ROOT / "inv", self.root)
        shutil.copy(ROOT / "stack" / "bootstrap.py", self.root / "stack")
        (self.root / "stack" / "__init__.py").touch()
        (self.root / "stack" / "__main__.py").write_text(PROGRAM)
        for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock"):
            (self.root / name).write_text("# nothing to install\n")

    def program(self, name: str, text: str) -> None:
        """Puts a shell script on PATH."""
        (self.bin / name).write_text(f"#!{shutil.which('sh')}\n{text}\n")
        (self.bin / name).chmod(0o755)

    def environment(self, **more: str) -> dict[str, str]:
        return {"PATH": str(self.bin), "HOME": str(self.bin), **more}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.root / "inv"), *words],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(
        self,
        *words: str,
        cwd: Path | None = None,
        by: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(by or self.root / "inv"), *words],
            cwd=cwd or self.root,
            env=self.environment(**(env or {})),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def said(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What the program told of itself; its line must be all of standard output."""
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture
def fresh(tmp_path: Path) -> Launcher:
    """A checkout that was never run, on a machine with one good Python."""
    launcher = Launcher(tmp_path)
    launcher.program("python3", f'exec {PYTHON} "$@"')
    return launcher


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Launcher:
    """A checkout that was run once, by way of Pythons that don't run."""
    launcher = Launcher(tmp_path_factory.mktemp("ran"))
    launcher.program("python3.14", BROKEN)
    launcher.program("python3.13", BROKEN)
    launcher.program("python3", f'exec {PYTHON} "$@"')
    done = launcher("plan", "--json", "two words")
    assert done.stderr.splitlines() == [PREPARING]
    assert said(done)["words"] == ["plan", "--json", "two words"]
    return launcher


def test_a_second_run_prepares_nothing_and_keeps_the_callers_folder(ran: Launcher, tmp_path: Path) -> None:
    done = ran("plan", cwd=tmp_path)
    assert done.stderr == ""
    assert said(done)["cwd"] == str(tmp_path)


def test_nothing_of_the_callers_stands_in_front_of_the_program(ran: Launcher, tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack" / "__main__.py").write_text("raise SystemExit('the wrong program')")
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    told = said(ran("plan", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}))
    assert str(tmp_path) not in told["path"]
    assert str(ran.root) in told["path"]


def test_it_runs_by_way_of_a_link_from_elsewhere(ran: Launcher, tmp_path: Path) -> None:
    (tmp_path / "first").symlink_to(ran.root / "inv")
    (tmp_path / "second").symlink_to("first")
    assert said(ran("plan", by=tmp_path / "second", cwd=tmp_path))["words"] == ["plan"]


def test_only_changed_bytes_prepare_again(ran: Launcher) -> None:
    lock = ran.root / "requirements.lock"
    os.utime(lock)
    assert ran("plan").stderr == ""
    lock.write_text("# nothing to install, put differently\n")
    assert ran("plan").stderr.splitlines() == [PREPARING]
    assert ran("plan").stderr == ""


def test_the_developers_tools_come_with_the_commands_that_need_them(ran: Launcher) -> None:
    assert ran("test", "--help").stderr == ""
    assert ran("--help", "lint").stderr == ""
    assert ran("--json", "lint", "--yes").stderr.splitlines() == [PREPARING]
    assert ran("test").stderr == ""
    assert ran("plan", "test").stderr == ""


def test_packages_that_cannot_be_had_are_told_by_pips_last_lines(ran: Launcher) -> None:
    lock = ran.root / "requirements.lock"
    before = lock.read_text()
    lock.write_text(f"./nowhere.whl --hash=sha256:{'0' * 64}\n")
    done = ran("plan")
    lock.write_text(before)
    assert (done.returncode, done.stdout) == (1, "")
    assert "making the packages failed with exit code 1:" in done.stderr
    assert "nowhere.whl" in done.stderr
    assert "Traceback" not in done.stderr
    assert said(ran("plan"))["words"] == ["plan"]


def test_a_failure_leaves_no_half_of_an_environment(fresh: Launcher) -> None:
    (fresh.root / "requirements.lock").write_text(f"./nowhere.whl --hash=sha256:{'0' * 64}\n")
    assert fresh("plan").returncode == 1
    assert not (fresh.root / ".venv").exists()


def test_packages_come_out_of_the_bundle_that_up_is_given(fresh: Launcher, tmp_path: Path) -> None:
    wheel, about = tmp_path / "one-1.0-py3-none-any.whl", "one-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("one.py", "")
        packed.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
        packed.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{about}/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (fresh.root / "requirements.lock").write_text(f"one==1.0 --hash=sha256:{digest}\n")
    with tarfile.open(tmp_path / "a bundle", "w") as tar:
        tar.add(wheel, f"wheels/{wheel.name}")
    refused = fresh("up", "--bundle", str(tmp_path / "nowhere"))
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == f"  type: ls -l {tmp_path}/nowhere"
    assert said(fresh("up", "--bundle", str(tmp_path / "a bundle")))["words"][0] == "up"
    assert list(fresh.root.glob(".venv/lib/*/site-packages/one.py"))


def await_(what: Callable[[], bool]) -> None:
    for _ in range(600):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


def test_ctrl_c_leaves_no_half_of_an_environment(fresh: Launcher) -> None:
    with fresh.start("plan") as child:
        await_((fresh.root / ".venv" / "pyvenv.cfg").exists)
        os.killpg(child.pid, signal.SIGINT)
        assert child.wait(60) == 130
    assert not (fresh.root / ".venv").exists()


def test_a_run_after_a_killed_one_starts_over(fresh: Launcher) -> None:
    with fresh.start("plan") as child:
        await_((fresh.root / ".venv" / "pyvenv.cfg").exists)
        child.kill()
        child.wait(60)
    assert (fresh.root / ".venv" / "unfinished").exists()
    assert said(fresh("plan"))["words"] == ["plan"]
    assert not (fresh.root / ".venv" / "unfinished").exists()


def test_two_first_runs_at_once_make_one_environment(fresh: Launcher) -> None:
    children = [fresh.start("plan", number) for number in "12"]
    outputs = [child.communicate(timeout=120) for child in children]
    assert [json.loads(out)["words"] for out, _ in outputs] == [["plan", "1"], ["plan", "2"]]
    assert sum(PREPARING in err for _, err in outputs) == 1


def test_a_checkout_that_was_moved_gets_an_environment_of_its_own(fresh: Launcher, ran: Launcher) -> None:
    shutil.rmtree(fresh.root)
    shutil.copytree(ran.root, fresh.root, symlinks=True)
    done = fresh("plan")
    assert done.stderr.splitlines() == [PREPARING]
    assert str(fresh.root) in said(done)["path"]


def test_an_older_python_is_named_with_what_to_type(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path)
    launcher.program("python3.14", BROKEN)
    launcher.program("python3", "echo 3.9")
    done = launcher("plan")
    assert (done.returncode, done.stdout) == (1, "")
    first, second = done.stderr.splitlines()
    assert "3.11 or newer" in first
    assert f"only Python 3.9 at {launcher.bin}/python3" in first
    assert second.startswith(f"  type: {launcher.bin}/python3 -m pip install --user uv")


def test_no_python_at_all_is_told_with_what_to_type(tmp_path: Path) -> None:
    done = Launcher(tmp_path)("plan")
    assert done.returncode == 1
    assert done.stderr.splitlines()[1].startswith("  type: ")


def test_uv_brings_a_python_where_path_has_none(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path)
    brought, python = tmp_path / "brought", launcher.bin / "brought-python"
    launcher.program("brought-python", 'echo "$@"')
    launcher.program("uv", f"case $2 in install) echo >{brought} ;; find) [ -e {brought} ] && echo {python} ;; esac")
    done = launcher("plan", "--json")
    assert done.stdout.split("/")[-1] == "bootstrap.py run plan --json\n"
