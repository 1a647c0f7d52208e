"""The edge to somebody's own Compose file: Compose reads it, so anchors, extends, include and both syntaxes are its
work."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from stack import docker
from stack.authoring import carrying, copying
from stack.authoring.definition import Definition
from stack.errors import USAGE, fail

SMALL, LARGE = 1_000_000, 20_000_000
"""Bytes of what a service mounts, and of the folder that it is built from. What is larger is data."""


def read(word: str, name: str, mapping: dict[str, str]) -> tuple[Definition, list[str]]:
    """The definition of what `FILE[:SERVICE]` says, under our name, and a sentence for all that is not carried.
    `mapping` names the services of the file for which one of ours stands in.

    Raises StackError where there is no such file or service, and with Compose's words where it refuses the file."""
    path, service = _split(word)
    services = _services(path)
    chosen, main = carrying.choose(services, service, mapping, word)
    files: dict[str, bytes] = {}
    left: list[str] = []
    for one in chosen:
        services[one] = {**services[one], "environment": _environment(path.parent, services[one])}
        for source in _mounted(services[one]):
            files |= _taken(path.parent, source, SMALL, left)
        if build := services[one].get("build"):
            needed = (".dockerignore", build.get("dockerfile", "Dockerfile"))
            files |= _taken(path.parent, build.get("context", "."), LARGE, left, needed)
            services[one]["build"] = {**build, "context": _inside(path.parent, build.get("context", "."))}
    made, lost = carrying.definition(services, chosen, main, name, mapping, files)
    return made, [*lost, *dict.fromkeys(left)]


def _split(word: str) -> tuple[Path, str]:
    if Path(word).is_file():
        return Path(word), ""
    file, colon, service = word.rpartition(":")
    if colon and Path(file).is_file():
        return Path(file), service
    raise fail("usage", f"--from-compose: there is no file {file or word}", "--from-compose",
               "--from-compose docker-compose.yml", USAGE)  # fmt: skip


def _services(path: Path) -> dict[str, Any]:
    """The file's services as Compose merges them: with variables as they stand, or where that is not to be had, with
    their defaults."""
    base = ["compose", "-f", str(path), "--project-directory", str(path.parent), "-p", "carried", "--profile", "*",
            "config", "--no-path-resolution", "--no-normalize", "--no-consistency", "--format", "json"]  # fmt: skip
    done = docker.run([*base, "--no-interpolate"], timeout=60)
    if done.returncode:
        done = docker.run([*base, "--no-env-resolution"], timeout=60)
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no word"]
        raise fail("compose-file", f"Compose refuses it: {words[0]}", str(path), f"docker compose -f {path} config")
    services: dict[str, Any] = json.loads(done.stdout).get("services") or {}
    return {name: {**service, "depends_on": _edges(service)} for name, service in services.items()}


def _edges(service: dict[str, Any]) -> dict[str, Any]:
    """The dependencies as a mapping, however they are written."""
    found = service.get("depends_on") or {}
    return dict(found) if isinstance(found, dict) else {name: {"condition": "service_started"} for name in found}


def _environment(folder: Path, service: dict[str, Any]) -> dict[str, str]:
    """What a service is given: of its files first, then its own; a key without a value is a setting."""
    from dotenv import dotenv_values

    found: dict[str, str] = {}
    for entry in service.get("env_file") or []:
        path = folder / (entry["path"] if isinstance(entry, dict) else entry)
        found |= {
            key: (value or "").replace("$", "$$") for key, value in dotenv_values(path, interpolate=False).items()
        }
    own = service.get("environment") or {}
    if isinstance(own, list):
        pairs = (item.partition("=") for item in own)
        own = {key: value if equals else None for key, equals, value in pairs}
    return found | {key: f"${{{key}}}" if value is None else str(value) for key, value in own.items()}


def _mounted(service: dict[str, Any]) -> list[str]:
    """The paths beside the file that a service mounts."""
    binds = (volume.get("source") or "" for volume in service.get("volumes") or [] if volume.get("type") == "bind")
    return [source for source in binds if source.startswith("./")]


def _inside(folder: Path, source: str) -> str:
    """Where something of theirs is below our folder: as it is below theirs, or by its name alone."""
    path, top = (folder / source).resolve(), folder.resolve()
    return path.relative_to(top).as_posix() if path.is_relative_to(top) else path.name


def _taken(folder: Path, source: str, most: int, left: list[str], needed: tuple[str, ...] = ()) -> dict[str, bytes]:
    """The files of what a service mounts or is built from, by their path below our folder; what of it is `left` behind
    is added there."""
    path, inside = folder / source, _inside(folder, source)
    if path.is_file() and path.resolve().is_relative_to(folder.resolve()) and path.stat().st_size <= most:
        return {inside: path.read_bytes()}
    if not path.is_dir():
        return {}
    found, behind = copying.files(path, most, needed)
    left += [f"{source}: {why}" for why in behind]
    return {(PurePosixPath(inside) / name).as_posix(): data for name, data in found.items()}
