"""What the engine sends without an end: the events of a project, the log of a container. By its socket where that is on
this machine, else by the docker client."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from urllib.parse import quote, urlencode

from stack import client, docker, unixhttp
from stack.errors import fail

ACTIONS = ("create", "start", "restart", "die", "oom", "pause", "unpause", "destroy", "health_status")
"""Events that change what is shown; that a check ran is none."""
PIECE = 1 << 18
"""Bytes that are read at once."""
LONGEST = 16_384
"""Bytes of a log's line that are shown."""


async def events(project: str, since: float) -> AsyncGenerator[dict[str, Any]]:
    """The events of a project's containers since a moment (seconds since 1970), and those to come; first an empty one,
    once the engine listens.

    Raises StackError where no engine answers; ends where it goes away."""
    label = f"{docker.PROJECT_LABEL}={project}"
    filters = {"type": ["container"], "label": [label], "event": list(ACTIONS)}
    resource = f"/events?{urlencode({'since': f'{since:.9f}', 'filters': json.dumps(filters)})}"
    words = ["events", "--since", f"{since:.3f}", "--filter", "type=container", "--filter", f"label={label}",
             *(word for action in ACTIONS for word in ("--filter", f"event={action}")),
             "--format", "{{json .}}"]  # fmt: skip
    source = _socket(resource) if client.endpoint().startswith(docker.UNIX) else _client(words)
    left = b""
    async with aclosing(source) as pieces:
        async for piece in pieces:
            if not piece:
                yield {}
            *lines, left = (left + piece).split(b"\n")
            for line in lines:
                if line.strip():
                    yield json.loads(line)


async def log(container: str, tail: int, tty: bool) -> AsyncGenerator[list[bytes]]:
    """The last `tail` lines of a container's log and those to come, some at a time, each with its time in front.

    Raises StackError where no engine answers; ends where the container or the engine does."""
    query = urlencode({"follow": 1, "stdout": 1, "stderr": 1, "timestamps": 1, "tail": tail})
    by_socket = client.endpoint().startswith(docker.UNIX)
    words = ["logs", "--follow", "--timestamps", "--tail", str(tail), container]
    at = f"/containers/{quote(container)}/logs?{query}"
    source = _socket(at) if by_socket else _client(words, asyncio.subprocess.STDOUT)
    framed = Frames() if by_socket and not tty else None
    left = b""
    async with aclosing(source) as pieces:
        async for piece in pieces:
            *lines, left = (left + (framed.text(piece) if framed else piece)).split(b"\n")
            if len(left) > 4 * LONGEST:
                left = left[: 2 * LONGEST]
            if lines:
                yield lines


class Frames:
    """The text out of a container's two streams, whose pieces each have a head of eight bytes (docs.docker.com, API,
    ContainerAttach); a piece may come in parts."""

    def __init__(self) -> None:
        self._rest = b""

    def text(self, piece: bytes) -> bytes:
        """The text of what has come whole."""
        data = self._rest + piece if self._rest else piece
        parts, at = [], 0
        while len(data) - at >= 8:
            end = at + 8 + int.from_bytes(data[at + 4 : at + 8])
            if end > len(data):
                break
            parts.append(data[at + 8 : end])
            at = end
        self._rest = data[at:]
        return b"".join(parts)


async def _socket(resource: str) -> AsyncGenerator[bytes]:
    """The body of an answer, as it comes; first nothing, once somebody answers."""
    path = client.endpoint().removeprefix(docker.UNIX)
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=PIECE)
    except OSError:
        raise fail("docker", f"no engine answers at {client.endpoint()}", fix="./inv engine") from None
    try:
        # In HTTP/1.0 the body has no chunks.
        writer.write(f"GET {resource} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if int(head[:12].rpartition(b" ")[2]) != unixhttp.OK:
            body = (await reader.read(500)).decode(errors="replace").strip()
            raise fail("docker", f"the engine answers: {body}", fix="./inv doctor")
        yield b""
        while piece := await reader.read(PIECE):
            yield piece
    except (OSError, asyncio.IncompleteReadError, ValueError):
        return
    finally:
        writer.close()


async def _client(words: list[str], errors: int = asyncio.subprocess.DEVNULL) -> AsyncGenerator[bytes]:
    """What the docker client prints, as it comes, and where its `errors` go; first nothing, once an engine answers."""
    out = asyncio.subprocess
    if not await asyncio.to_thread(docker.answers):
        raise fail("docker", f"no engine answers at {client.endpoint()}", fix="./inv engine")
    child = await asyncio.create_subprocess_exec(
        "docker", *words, stdin=out.DEVNULL, stdout=out.PIPE, stderr=errors, env=docker.environment(),
        start_new_session=True)  # fmt: skip
    assert child.stdout is not None
    try:
        yield b""
        while piece := await child.stdout.read(PIECE):
            yield piece
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()
