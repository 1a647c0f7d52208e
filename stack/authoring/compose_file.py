"""The edge to somebody's own Compose file: Compose reads it, so anchors, extends, include and both syntaxes are its
work."""

import json
from pathlib import Path
from typing import Any

from stack import docker
from stack.authoring import carrying
from stack.authoring.definition import Definition
from stack.errors import USAGE, fail

SMALL = 1_000_000
"""Bytes of all that is copied beside the fragment; what is larger is data, not configuration."""


def read(word: str, name: str, mapping: dict[str, str]) -> tuple[Definition, list[str]]:
    """The definition of what `FILE[:SERVICE]` says, under our name, and a sentence for all that is not carried.
    `mapping` names the services of the file for which one of ours stands in.

    Raises StackError where there is no such file or service, and with Compose's words where it refuses the file."""
    path, service = _split(word)
    services = _services(path)
    chosen, main = carrying.choose(services, service, mapping, word)
    files: dict[str, bytes] = {}
    for one in chosen:
        services[one] = {**services[one], "environment": _environment(path.parent, services[one])}
        files |= _binds(path.parent, services[one])
    return carrying.definition(services, chosen, main, name, mapping, files)


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


def _binds(folder: Path, service: dict[str, Any]) -> dict[str, bytes]:
    """The small files below the folder that a service mounts, by the path that the service names."""
    found: dict[str, bytes] = {}
    for volume in service.get("volumes") or []:
        source = volume.get("source") or "" if volume.get("type") == "bind" else ""
        path = folder / source
        if not source.startswith("./") or not path.exists():
            continue
        parts = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        if sum(part.stat().st_size for part in parts) <= SMALL:
            found |= {str(Path(source) / part.relative_to(path) if path.is_dir() else Path(source)): part.read_bytes()
                      for part in parts}  # fmt: skip
    return found
