"""A machine that does not play along: a full disk, no permission, no docker."""

import ctypes
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import compose
from tests.model.refusals import Refusal, Tree, refuses
from tests.support import PAIR, Checkout


@pytest.fixture
def settled(tree: Tree) -> Iterator[Checkout]:
    """A checkout with an `.env`, and with the folders and locks that a first change makes."""
    checkout = tree({**PAIR, ".env": "# mine\nDB_PORT=7000\n"})
    assert checkout.inv("env.set", "DB_PORT", "7001").code == 0
    yield checkout
    checkout.root.chmod(0o755)


def settings(checkout: Checkout) -> str:
    return (checkout.root / ".env").read_text()


def a_full_disk() -> None:
    """Files of this process hold nothing: each write fails as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def as_an_owner_only() -> None:
    """Root in this process does not pass by the permissions of files: it drops CAP_DAC_OVERRIDE (1) and
    CAP_DAC_READ_SEARCH (2) with prctl's PR_CAPBSET_DROP (24)."""
    if os.geteuid() == 0:
        for capability in (1, 2):
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)


def test_a_full_disk_leaves_the_old_settings(settled: Checkout) -> None:
    where = f"{settled.root}/.env"
    refusal = Refusal("unwritable", "its old content stays", where, "df -h")
    refuses(settled, "env.set DB_PORT 7002", refusal, before=a_full_disk)
    refuses(settled, "env.unset DB_PORT", refusal, before=a_full_disk, in_words=True)
    refuses(settled, "source --service web --to disabled", refusal, before=a_full_disk, in_words=True)
    assert settings(settled) == "# mine\nDB_PORT=7001\n"


def test_a_full_disk_stops_no_plan(pair: Checkout) -> None:
    assert pair.inv("plan", before=a_full_disk).code == 0


def test_an_unwritable_folder_leaves_the_old_settings(settled: Checkout) -> None:
    settled.root.chmod(0o555)
    refusal = Refusal("unwritable", "Permission denied", f"{settled.root}/.env", "ls -ld")
    refuses(settled, "env.set DB_PORT 7002", refusal, before=as_an_owner_only)
    assert settings(settled) == "# mine\nDB_PORT=7001\n"


def test_a_checkout_that_cannot_be_written_can_be_planned_but_not_set(tree: Tree) -> None:
    checkout = tree(PAIR)
    checkout.root.chmod(0o555)
    assert checkout.inv("plan", before=as_an_owner_only).code == 0
    refusal = Refusal("unwritable", "can't be written: Permission denied", ".stack", "ls -ld")
    refuses(checkout, "env.set DB_PORT 7002", refusal, before=as_an_owner_only)
    checkout.root.chmod(0o755)


def test_an_unreadable_env_is_told(tree: Tree) -> None:
    checkout = tree({**PAIR, ".env": "DB_PORT=7000\n"})
    (checkout.root / ".env").chmod(0)
    refusal = Refusal("unreadable", "can't be read: Permission denied", ".env", "ls -ld")
    for command in ("plan", "up", "env.list", "down"):
        told = checkout.inv_json(command, before=as_an_owner_only)
        assert told.code == 1
        [problem] = told.problems
        assert problem["code"] == refusal.code
        assert refusal.said in problem["message"]
        assert problem["fix"].startswith(refusal.fix)


NO_PLUGIN = {
    "28": "docker: unknown command: docker compose",
    "20.10": "unknown shorthand flag: 'p' in -p\nSee 'docker --help'.\n\nUsage:  docker [OPTIONS]\n\nCommands:\n"
    "  wait   Block until one or more containers stop\n\nRun 'docker COMMAND --help' for more.",
}
"""What versions of the docker client say instead; the older one all of its help."""


@pytest.mark.skipif(
    any(Path(folder, "docker-compose").exists() for folder in compose.PLUGINS), reason="Compose is there"
)
@pytest.mark.parametrize("words", NO_PLUGIN.values(), ids=NO_PLUGIN)
def test_without_a_compose_plugin_that_is_told(pair: Checkout, tmp_path: Path, words: str) -> None:
    client = tmp_path / "bin" / "docker"
    client.parent.mkdir()
    client.write_text(f'#!/bin/sh\n/bin/cat >&2 <<"END"\n{words}\nEND\nexit 1\n')
    client.chmod(0o755)
    refusal = Refusal("compose-missing", "docker has no Compose plugin", "", "./inv engine --yes")
    refuses(pair, "plan", refusal, env={"PATH": str(client.parent), "DOCKER_CONFIG": str(tmp_path)})


def test_without_docker_that_is_told(pair: Checkout, tmp_path: Path) -> None:
    refusal = Refusal("docker", "docker is not installed", "", "./inv engine --yes")
    refuses(pair, "plan", refusal, env={"PATH": str(tmp_path)})
