"""Packages in a bundle: Python's for this project, Compose, and Debian's of the engine with all that they need."""

import platform
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from stack import bootstrap, process
from stack.bundle import archive
from stack.bundle.archive import Bundle, Draft
from stack.bundle.manifest import Platform
from stack.engine import compose_plugin, setup
from stack.engine.supply import LISTS, SOURCES, Supply

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""The versions of Python that get packages: those that the project runs with, as the other machine has what it has."""
LIMIT_S = 900.0
WHEELS, DEBS = "wheels", "debs"
SUFFIXES = (".whl", ".gz", ".deb")


def here() -> Platform:
    """This machine."""
    return Platform(platform.system(), platform.machine(), _release())


def _release() -> str:
    if not shutil.which("dpkg") or not shutil.which("apt-get"):
        return ""
    try:
        told = platform.freedesktop_os_release()
    except OSError:
        return ""
    machine = process.output(["dpkg", "--print-architecture"], what="dpkg", fix="dpkg --print-architecture", limit_s=60)
    return f"{told.get('ID', '')} {told.get('VERSION_ID', '')} {machine.strip()}"


def fetch(kind: str, root: Path, folder: Path) -> list[Path]:
    """Download all packages of a kind into an empty folder; gives their files in one order."""
    if kind == WHEELS:
        _fetch_wheels(root, folder)
    else:
        _fetch_debs(folder)
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)


def _fetch_wheels(root: Path, folder: Path) -> None:
    """Download the packages of the lock for each Python, Compose's, and pip itself for a Python that lacks it."""
    lock = root / bootstrap.SOURCES["run"][-1]
    (folder / "pip.txt").write_text(f"pip=={bootstrap.PIP_VERSION} --hash=sha256:{bootstrap.PIP_SHA256}\n")
    for version in PYTHONS:
        _pip(["--only-binary", ":all:", "--python-version", version, "-r", str(lock)], folder)
    _pip(["-r", str(folder / "pip.txt")], folder)
    for release in compose_plugin.releases():
        compose_plugin.download(release, folder)


def _pip(words: list[str], folder: Path) -> None:
    pip = [sys.executable, "-I", "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command = [*pip, "--no-deps", "--require-hashes", *words, "-d", str(folder)]
    process.output(command, what="downloading Python packages", fix="the same command again", limit_s=LIMIT_S)


def _fetch_debs(folder: Path) -> None:
    """Download the engine's packages with all that they need on a system that has nothing, and write their index."""
    status, cache = folder / "status", folder / "archives"
    status.touch()
    (cache / "partial").mkdir(parents=True)
    # apt downloads as a user of its own, who may not enter a folder of ours.
    options = ["-o", f"Dir::State::Status={status}", "-o", f"Dir::Cache::Archives={cache}", "-o", "APT::Sandbox::User="]
    names = [*setup.ENGINE, *setup.APPARMOR, *setup.known(setup.CLIENT)]
    words = ["--download-only", "--yes", "--no-install-recommends", *options, "install", *names]
    process.output(["apt-get", *words], what="downloading Debian packages", fix="apt-get update", limit_s=LIMIT_S)


def save(draft: Draft, kind: str, files: Iterable[Path]) -> None:
    """Put these files into the draft."""
    for path in files:
        with path.open("rb") as file:
            draft.add(f"{kind}/{path.name}", archive.chunks(file, path.stat().st_size))


def unpack(bundle: Bundle, folder: Path) -> Supply:
    """Put a bundle's packages into a folder; those of Debian only where this is the release that they are for."""
    wheels, debs = _unpacked(bundle, WHEELS, folder), _unpacked(bundle, DEBS, folder)
    fits = bool(debs) and bundle.manifest.platform.release == here().release
    if fits:
        (folder / DEBS / LISTS / "partial").mkdir(parents=True)
        (folder / DEBS / "Packages").write_text("".join(_entry(bundle, path) for path in debs))
        (folder / DEBS / SOURCES).write_text(f"deb [trusted=yes] file:{folder / DEBS} ./\n")
    return Supply(str(folder / DEBS) if fits else "", str(folder / WHEELS) if wheels else "")


def _unpacked(bundle: Bundle, kind: str, folder: Path) -> list[Path]:
    (folder / kind).mkdir()
    found = []
    for part in bundle.manifest.parts:
        if part.name.startswith(f"{kind}/"):
            path = folder / kind / part.name.rpartition("/")[2]
            with path.open("wb") as file:
                file.writelines(bundle.read(part.name))
            found.append(path)
    return found


def _entry(bundle: Bundle, path: Path) -> str:
    """A package's paragraph in apt's index."""
    part = bundle.manifest.sizes()[f"{DEBS}/{path.name}"]
    command = ["dpkg-deb", "--field", str(path)]
    told = process.output(command, what="dpkg-deb", fix=" ".join(command), limit_s=60).strip()
    return f"{told}\nFilename: ./{path.name}\nSize: {part.bytes}\nSHA256: {part.sha256}\n\n"
