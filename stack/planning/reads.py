"""The files that Compose reads on account of another: extends, include, env_file, label_file. What it makes of a
project depends on them, so what is kept of its work is kept under them, too."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stack import tree, yamlfile
from stack.env import variables
from stack.errors import StackError

_NAMING = re.compile(rb"""\b(?:extends|include|env_file|label_file)["']?[ \t]*:""")
_WORD = re.compile(r"\w+", re.ASCII)
ALWAYS = ("HOME", "DOCKER_DEFAULT_PLATFORM")
"""What Compose reads without being told to: `~` in a path, and what becomes part of a service that is built."""


def followed(root: Path, files: Mapping[str, bytes], env: Mapping[str, str]) -> dict[str, bytes]:
    """Every file that Compose reads besides `files` (bytes by path), by path: those that they name, those that these
    name in turn, and the `.env` beside an included one. One that isn't there has no bytes. `env` fills variables in
    their paths. A file of another machine (git, oci) is not followed."""
    found: dict[str, bytes] = {}
    waiting = dict(files)
    while waiting:
        path, data = waiting.popitem()
        for name in _named(path, data):
            # Compose takes the project's folder for some, and the naming file's for others.
            for folder in (root, (root / path).parent):
                full = folder / _filled(name, env)
                key = str(full)
                if "://" not in name and key not in found:
                    found[key] = _bytes(full)
                    waiting[key] = found[key]
    return found


def _named(path: str, data: bytes) -> list[str]:
    """The paths that one Compose file names; none of a file that names none, or that can't be read as one."""
    if not _NAMING.search(data):
        return []
    try:
        document = yamlfile.load(path, data.decode("utf-8-sig", errors="replace"))
    except StackError:
        return []
    if not isinstance(document, dict):
        return []
    services = document.get("services")
    found = [name for service in (services.values() if isinstance(services, dict) else ()) if isinstance(service, dict)
             for name in _of_service(service)]  # fmt: skip
    included = [name for entry in _listed(document.get("include")) for name in _of_include(entry)]
    return [name for name in [*found, *included] if name]


def _of_service(service: Mapping[str, Any]) -> Iterable[str]:
    extends = service.get("extends")
    if isinstance(extends, dict):
        yield from _texts(extends.get("file"))
    for entry in [*_listed(service.get("env_file")), *_listed(service.get("label_file"))]:
        yield from _texts(entry.get("path") if isinstance(entry, dict) else entry)


def _of_include(entry: Any) -> Iterable[str]:
    for path in _texts(entry.get("path") if isinstance(entry, dict) else entry):
        yield from (path, path.rpartition("/")[0] + "/.env" if "/" in path else ".env")
    if isinstance(entry, dict):
        yield from _texts(entry.get("env_file"))
        for folder in _texts(entry.get("project_directory")):
            yield f"{folder}/.env"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _texts(value: Any) -> list[str]:
    return [text for text in _listed(value) if isinstance(text, str)]


def _filled(name: str, env: Mapping[str, str]) -> str:
    """A path with its variables' values, or defaults, in place."""
    parts = variables.pieces(name)
    return "".join(one if isinstance(one, str) else env.get(one.name) or _filled(one.argument, env) for one in parts)


def _bytes(path: Path) -> bytes:
    try:
        return tree.read(path) if path.is_file() else b""
    except (StackError, OSError):
        return b""


def mentioned(env: Mapping[str, str], texts: Iterable[bytes]) -> dict[str, str]:
    """The variables that can decide what Compose makes of `texts`: those whose name stands in one, and ALWAYS."""
    words = set(_WORD.findall(b"\n".join(texts).decode(errors="replace")))
    # A name of several words can't be found as one.
    odd = [name for name in env if not _plain(name) and words.issuperset(_WORD.findall(name))]
    return {name: env[name] for name in [*(env.keys() & words.union(ALWAYS)), *odd]}


def _plain(name: str) -> bool:
    return name.isascii() and name.isidentifier()
