"""PostgreSQL of Debian 12 becomes that of Debian 13, of another major version, with its rows; and goes back."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack.builds import base
from tests.engine.support import backups
from tests.engine.support.stacks import Stack, docker, run

pytestmark = [
    pytest.mark.majors,
    pytest.mark.skipif(not shutil.which("mmdebstrap") or os.geteuid() != 0, reason="it takes root and mmdebstrap"),
]
ONLY = {
    "STACK_PROFILES": "core", "SUPABASE_DB_SOURCE": "build", "REDIS_SOURCE": "disabled", "BACKEND_SOURCE": "disabled",
    "KONG_API_GATEWAY_SOURCE": "disabled",
}  # fmt: skip
OLD, NEW = "15", "17"


@pytest.fixture(scope="module")
def trixie(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A base image of Debian 13."""
    archive, name = tmp_path_factory.mktemp("trixie") / "base.tar", f"genai-stack/trixie:{os.getpid()}"
    source = base.sources()[0].split()[1]
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "trixie", str(archive), f"deb {source} trixie main"],
                   check=True)  # fmt: skip
    docker("import", "--change", 'CMD ["bash"]', str(archive), name)
    yield name
    docker("rmi", name)


@pytest.fixture
def stack(new_stack: Callable[..., Stack]) -> Iterator[Stack]:
    """A database of 1000 rows, with an image of its own name: all other tests stand on the usual one."""
    found = new_stack(**ONLY)
    image = f"genai-stack/majors:{found.project}"
    found.set(SUPABASE_DB_BUILD_IMAGE=image)
    found.up()
    yield found
    found.inv("down", "--volumes", "--yes")
    run("docker", "rmi", image)


def _holds(stack: Stack) -> tuple[str, int]:
    """The server's major version, and how many rows there are."""
    version = backups.sql(stack, "SHOW server_version_num").strip()
    return version[:2], int(backups.sql(stack, "SELECT count(*) FROM written"))


def _typed(stack: Stack, log: Path, *words: str) -> None:
    """A command that builds, so that it may take minutes; it has to succeed."""
    with log.open("w") as file:
        done = subprocess.run(stack.command(words), cwd=stack.root, env=stack.environment(), stdin=subprocess.DEVNULL,
                              stdout=file, stderr=file, timeout=1800, check=False)  # fmt: skip
    assert done.returncode == 0, log.read_text()


def test_rows_go_to_the_next_major_version_and_back(stack: Stack, trixie: str, tmp_path: Path) -> None:
    rows = "INSERT INTO written SELECT generate_series({}, {})".format
    backups.sql(stack, f"CREATE TABLE public.written (n int PRIMARY KEY); {rows(1, 1000)}")
    if _holds(stack)[0] != OLD:
        pytest.skip("this machine's base image is not Debian 12")
    volumes = set(stack.listed("volume"))
    stack.set(BASE_IMAGE=trixie)

    _typed(stack, tmp_path / "upgrade", "upgrade", "--yes")

    assert _holds(stack) == (NEW, 1000)
    assert set(stack.listed("volume")) > volumes
    backups.sql(stack, rows(1001, 1100))
    # The old volume stands as it was; the way forward again has the rows of since.
    _typed(stack, tmp_path / "rollback", "rollback", "--yes")
    assert _holds(stack) == (OLD, 1000)
    _typed(stack, tmp_path / "again", "rollback", "--yes")
    assert _holds(stack) == (NEW, 1100)
    # With the data, it is the upgrade's own backup that the older server takes in.
    second = stack.inv("history", "--json").json["data"]["starts"][-2]
    assert second["backup"]
    _typed(stack, tmp_path / "data", "rollback", str(second["number"]), "--data", "--yes")
    assert _holds(stack) == (OLD, 1000)
    before = set(stack.listed("volume"))
    _typed(stack, tmp_path / "forget", "restore", "--forget", "--yes")
    assert set(stack.listed("volume")) < before
    assert _holds(stack) == (OLD, 1000)
