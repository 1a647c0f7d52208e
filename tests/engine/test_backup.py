"""Backups of running programs, and what comes back of them: in another folder, under another name, with everything that
was acknowledged before; and what is refused, with nothing touched."""

import json
import os
import random
import re
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import httpx
import jwt
import pytest

from stack.authoring import unpacking
from tests.engine.support import backups, stacks
from tests.engine.support.stacks import Stack

PASSPHRASE = {"BACKUP_PASSPHRASE": "correct horse battery"}


@pytest.fixture(scope="module")
def stack(new_lasting_stack: Callable[..., Stack]) -> Stack:
    """A core with rows, keys and files, and a backup of it as one file."""
    found = new_lasting_stack(whole=True, STACK_PROFILES="small", **stacks.BUILT)
    backups.prepare(found)
    return found


@pytest.fixture(scope="module")
def file(stack: Stack) -> Path:
    """A backup that was made under fifty writes a second; `written` beside it has what was acknowledged before it."""
    target = stack.root.parent / "one.backup"
    with backups.writing(stack) as before:
        done = stack.inv("backup", "--output", str(target), env=PASSPHRASE)
    assert done.code == 0, done
    (stack.root.parent / "written").write_text(str(before()))
    return target


def test_a_stack_comes_back_in_another_folder_under_another_name(
    stack: Stack, file: Path, new_stack: Callable[..., Stack]
) -> None:
    written = int((file.parent / "written").read_text())
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"PostgreSQL" not in file.read_bytes()
    secrets = {name: value for name, value in stack.env().items() if name.endswith(("PASSWORD", "KEY", "SECRET"))}
    other = new_stack("elsewhere", whole=True)
    here = {"PROJECT_NAME": other.project, "BASE_PORT": str(other.base_port)}
    (other.root / ".env").write_text("".join(f"{name}={value}\n" for name, value in here.items()))
    backups.forget_own(other)

    before = backups.state(other, ".env")
    done = other.inv("restore", str(file), "--yes", "--json", env={"BACKUP_PASSPHRASE": "another one"})
    assert (done.code, done.problems[0]["code"]) == (1, "backup-key"), done
    assert backups.state(other, ".env") == before

    done = other.inv("restore", str(file), "--yes", env=PASSPHRASE)

    assert done.code == 0, done
    assert {name: other.env().get(name) for name in secrets} == secrets
    assert (other.root / ".env").stat().st_mode & 0o777 == 0o600
    rows = set(range(1, written + 1))
    assert rows <= backups.rows(other)
    assert rows <= backups.keys(other)
    # With the owner that the fragment's `fit` gives what is copied.
    owned = backups.files(stack).replace(f"./noise f 644 {backups.OWNER}", f"./noise f 644 {backups.FIT}")
    assert backups.files(other) == owned
    signing = other.exec("notes", "printenv", "SUPABASE_JWT_SECRET").strip()
    taken = jwt.decode(secrets["SUPABASE_ANON_KEY"], signing, ["HS256"])
    assert taken["role"] == "anon"
    assert backups.signs_in(other, "supabase_admin", secrets["SUPABASE_ADMIN_PASSWORD"])
    assert backups.signs_in(other, "app", secrets["SUPABASE_DB_PASSWORD"])
    assert not backups.signs_in(other, "app", "another one")
    assert other.inv("up", "--dry-run").code == 0

    # What a browser holds since before opens the gateway, too: what is behind it answers nothing, but 401 comes first.
    other.set(KONG_API_GATEWAY_SOURCE="build")
    assert other.inv("route.add", "--service", "notes", "--path", "/notes", "--port", "8000", "--auth", "key").code == 0
    other.up("--service", "kong-api-gateway", "--service", "notes")
    asked = f"http://127.0.0.1:{other.port(2)}/notes/"
    assert httpx.get(asked, headers={"apikey": secrets["SUPABASE_ANON_KEY"]}).status_code == 503
    assert httpx.get(asked, headers={"apikey": f"{secrets['SUPABASE_ANON_KEY']}x"}).status_code == 401


def test_what_cannot_be_restored_is_refused_and_nothing_is_touched(stack: Stack, file: Path, tmp_path: Path) -> None:
    """Other paths than a repository's, links, and files that are cut off have the unit tests."""
    before = backups.state(stack)
    for title, code, change in backups.DAMAGE:
        damaged = tmp_path / f"{title}.backup"
        shutil.copy(file, damaged)
        change(damaged)
        done = stack.inv("restore", str(damaged), "--yes", "--json", env=PASSPHRASE)
        assert done.code == 1, (title, done)
        assert done.problems[0]["code"] in code, (title, done)
    assert backups.state(stack) == before


def test_a_full_disk_is_told_and_nothing_is_touched(stack: Stack, file: Path) -> None:
    before = backups.state(stack)
    fragment = stack.root / "compose" / "notes.yml"
    text = fragment.read_text()
    fragment.write_text(json.dumps({**json.loads(text), "volumes": {"notes-data": backups.SMALL}}))
    try:
        done = stack.inv("restore", str(file), "--service", "notes", "--yes", "--json", env=PASSPHRASE)
    finally:
        fragment.write_text(text)
    assert done.code == 1, done
    assert [problem["code"] for problem in done.problems] == ["backup-space", "restore-back"], done
    assert backups.state(stack) == before


ON_A_SMALL_DISK = 'mount -t tmpfs -o "$1" tmpfs .stack/tmp && shift && "$@"; code=$?; ls -A .stack/tmp >&2; exit $code'


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="a disk of its own takes root on Linux")
@pytest.mark.parametrize("disk", ["size=64k", "nr_inodes=1"])
def test_a_disk_that_is_full_as_the_file_is_unpacked_is_told_and_nothing_is_touched(
    stack: Stack, file: Path, disk: str
) -> None:
    before = backups.state(stack)
    (stack.root / ".stack" / "tmp").mkdir(exist_ok=True)
    words = ["unshare", "--mount", "sh", "-c", ON_A_SMALL_DISK, "sh", disk,
             *stack.command(("restore", str(file), "--yes", "--json"))]  # fmt: skip
    done = stacks.run(*words, cwd=stack.root, env=stack.environment(PASSPHRASE))
    assert done.code == 1, done
    assert [problem["code"] for problem in done.problems] == ["backup-space"], done
    assert done.problems[0]["fix"].startswith("df -h"), done
    assert done.err == "", done  # nothing is left on that disk, either
    assert backups.state(stack) == before


def test_a_restore_whose_program_does_not_answer_goes_back(stack: Stack, file: Path) -> None:
    before = backups.state(stack)
    fragment = stack.root / "compose" / "redis.yml"
    text = fragment.read_text()
    fragment.write_text(re.sub(r"question: .*", 'question: ["false"]', text))
    try:
        done = stack.inv("restore", str(file), "--service", "redis", "--yes", "--json", env=PASSPHRASE)
    finally:
        fragment.write_text(text)
    assert done.code == 1, done
    assert [problem["code"] for problem in done.problems] == ["backup-question", "restore-back"], done
    after = backups.state(stack)
    assert (after["files"], after["volumes"]) == (before["files"], before["volumes"])
    assert max(backups.keys(stack)) > 1


def test_a_backup_is_proved_and_removed_and_only_the_last_passphrase_opens_it(
    stack: Stack, file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    with tarfile.open(file) as archive:
        unpacking.unpack(archive, folder)
    here = {"BACKUP_DIR": str(folder)}
    before = {path.name for path in (folder / "keys").iterdir()}
    done = stack.inv("backup", "--service", "notes", "--json", env={**here, "BACKUP_PASSPHRASE": "another one"})
    assert done.code == 0, done
    assert not (folder / "password").exists()
    after = {path.name for path in (folder / "keys").iterdir()}
    assert (len(before), len(after), len(before & after)) == (2, 2, 1)
    rows = stack.inv("backup.list", "--json", env=here).json["data"]["backups"]
    first, second = (row["name"] for row in rows)
    assert second == done.json["data"]["backup"]["name"]
    volumes = set(stack.listed("volume"))
    done = stack.inv("backup.verify", first, "--json", env=here)
    assert done.code == 0, done
    assert "tables" in done.json["data"]["answers"]["supabase-db"]
    assert set(stack.listed("volume")) == volumes
    done = stack.inv("backup.remove", first, "--yes", "--json", env=here)
    assert done.json["data"]["kept"] == [second]
    assert stack.inv("backup.verify", first, env=here).code == 1


def test_the_line_for_cron_needs_nothing_of_a_shell(stack: Stack, tmp_path: Path) -> None:
    [line] = re.findall(r"^30 3 \* \* \* (.*)$", (stacks.SOURCE_TREE / "docs/backup.md").read_text(), re.MULTILINE)
    (tmp_path / "inv").write_text(f'#!/bin/sh\ncd {stack.root} && exec {sys.executable} -m stack "$@"\n')
    (tmp_path / "inv").chmod(0o755)
    typed = line.replace("$HOME/genai-vanilla-stack", str(tmp_path))
    own = [f"{name}={os.environ[name]}" for name in ("HOME", "DOCKER_HOST") if name in os.environ]
    cron = ["env", "-i", *own, "LOGNAME=me", "SHELL=/bin/sh", "PATH=/usr/bin:/bin", "sh", "-c", typed]
    done = stacks.run(*cron)
    assert done.code == 0, done
    [made] = stack.inv("backup.list", "--json").json["data"]["backups"]
    assert f"saved {made['name']}" in done.out
    assert f"kept: {made['name']}" in done.out


def test_an_interrupted_command_leaves_nothing_half(stack: Stack, file: Path) -> None:
    backups.kills(stack, str(file), random.Random(11), 2)


@pytest.mark.soak
def test_thirty_interruptions_of_each_leave_nothing_half(stack: Stack, file: Path) -> None:
    backups.kills(stack, str(file), random.Random(), int(os.environ.get("KILLS") or 60))
