"""What the docker client goes by: the settings of its user, and the address of the engine that it would ask."""

import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

SOCKET = "unix:///var/run/docker.sock"


class Client(msgspec.Struct, rename="camel"):
    """What the docker client's own config.json says of proxies, a block for each engine or a default, of its context,
    and of where plugins are."""

    proxies: dict[str, dict[str, str]] = {}
    current_context: str = ""
    cli_plugins_extra_dirs: list[str] = []


def folder() -> Path:
    """Where the docker client keeps its settings."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def proxy_block() -> dict[str, str]:
    """The client's proxy settings for this engine, which Compose puts into every container; empty where it has none."""
    blocks = settings().proxies
    return blocks.get(os.environ.get("DOCKER_HOST") or SOCKET) or blocks.get("default", {})


def endpoint() -> str:
    """The address that the docker client would use: DOCKER_HOST, or its context's; "" where that is not there."""
    host, context = os.environ.get("DOCKER_HOST", ""), os.environ.get("DOCKER_CONTEXT", "")
    return address(host, context or settings().current_context, _of_context)


def address(host: str, context: str, of: Callable[[str], str]) -> str:
    """The client's own rule for an engine's address (docker/cli, cli/command): DOCKER_HOST counts before a context, and
    the one that is called default is the system's. `of` gives that of another. Pure."""
    return host or (SOCKET if context in ("", "default") else of(context))


def _of_context(name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()
    try:
        meta = (folder() / "contexts" / "meta" / digest / "meta.json").read_bytes()
        return str(msgspec.json.decode(meta)["Endpoints"]["docker"]["Host"])
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return ""


def settings() -> Client:
    """The client's settings as its config.json has them; the defaults where there is none that can be read."""
    file = folder() / "config.json"
    try:
        state = file.stat()
        return _read(file, state.st_mtime_ns, state.st_size)
    except (OSError, msgspec.DecodeError):
        return Client()


@functools.lru_cache(maxsize=1)
def _read(file: Path, *_: int) -> Client:
    """What the file says, for as long as its time and size stay."""
    return msgspec.json.decode(file.read_bytes(), type=Client)
