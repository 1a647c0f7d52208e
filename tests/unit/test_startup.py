"""What a command imports: start-up time is mostly that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack import compose
from tests import support
from tests.support import Checkout

HEAVY = {"msgspec", "rich", "ruamel", "python_on_whales", "jwt", "dotenv", "psutil", "filelock"}
HEAVY |= {"starlette", "uvicorn", "anyio"}  # what serves the page
HEAVY |= {"asyncio", "email", "ssl", "unittest"}  # what Invoke would take along
RUN = """
import atexit, os, runpy, sys
atexit.register(lambda: os.write({}, "\\n".join(sys.modules).encode()))
runpy.run_module("stack", run_name="__main__")
"""


def imported(checkout: Checkout, *words: str) -> set[str]:
    """The top-level modules that a command has imported by its end."""
    reader, writer = os.pipe()
    command = [sys.executable, "-c", RUN.format(writer), *words]
    env = {**support.environment(), "PYTHONPATH": str(checkout.root)}
    done = subprocess.run(command, cwd=checkout.root, env=env, pass_fds=[writer], capture_output=True, check=False)
    os.close(writer)
    with os.fdopen(reader) as modules:
        names = {name.partition(".")[0] for name in modules.read().split("\n")}
    assert done.returncode == 0, done.stderr.decode()
    return names


@pytest.mark.parametrize("words", [("--list",), ("--version",), ("--help",), ("plan", "--help")])
def test_what_needs_no_plan_imports_nothing_heavy(pair: Checkout, words: tuple[str, ...]) -> None:
    assert imported(pair, *words) & HEAVY == set()


def test_a_warm_plan_imports_only_what_it_shows(pair: Checkout) -> None:
    imported(pair, "plan")
    assert imported(pair, "plan") & HEAVY <= {"msgspec", "rich"}
    assert imported(pair, "plan", "--json") & HEAVY == {"msgspec"}


def test_a_warm_plan_starts_neither_compose_nor_docker(pair: Checkout, tmp_path: Path) -> None:
    telling = tmp_path / "cli-plugins" / "docker-compose"
    telling.parent.mkdir()
    telling.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexec {compose.plugin()} "$@"\n')
    telling.chmod(0o755)
    assert pair.inv("plan", env={"DOCKER_CONFIG": str(tmp_path)}).code == 0
    asked = (tmp_path / "asked").read_text()
    assert " config " in asked
    docker_too = tmp_path / "docker"
    docker_too.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexit 1\n')
    docker_too.chmod(0o755)
    around = {"DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert pair.inv("plan", env=around).code == 0
    assert (tmp_path / "asked").read_text() == asked


def test_what_a_command_compiled_is_there_for_the_next_one(pair: Checkout) -> None:
    imported(pair, "plan")
    assert list((pair.root / "stack" / "__pycache__").glob("docker.*.pyc"))
