"""`inv ui`: the page on 127.0.0.1, until Ctrl-C."""

import contextlib
import gc
import html
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from stack import client, tree
from stack.cluster import chosen
from stack.errors import USAGE, fail
from stack.names import echoed
from stack.output import consent
from stack.output.result import Result

HOST = "127.0.0.1"
GRACE_S = 3
"""Seconds for answers that are under way, after Ctrl-C."""
OPENER = f"{tree.GENERATED}/private/ui-%d.html"
"""A page that leads to the address with the token: as an argument of a browser, every user would see it."""


def run(port: str, read_only: bool, no_open: bool) -> Result:
    """Serve until Ctrl-C or SIGTERM. Raises StackError for a port that can't be had."""
    import secrets

    chosen.one_machine(tree.root(), "ui", "./inv status, ./inv doctor")
    # What follows may run for weeks; a command ends before garbage counts (program.main).
    gc.set_threshold(2_000, 10, 10)
    token = secrets.token_urlsafe(32)
    with _listening(_number(port)) as sock:
        from stack.ui.app import Server

        at = sock.getsockname()[1]
        url = f"http://{HOST}:{at}/?token={token}"
        server = Server(tree.root(), token, read_only)
        for line in told(url, at, read_only, client.endpoint()):
            consent.tell(line)
        config = uvicorn.Config(server.app, log_level="error", lifespan="on", ws="none", server_header=False,
                                timeout_graceful_shutdown=GRACE_S)  # fmt: skip
        with _opener(url, at) as opener:
            if not no_open:
                _open(opener)
            # uvicorn ends well by Ctrl-C, and then has it happen once more.
            with contextlib.suppress(KeyboardInterrupt):
                Ending(config, server.end).run([sock])
    return Result({"port": at, "read_only": read_only}, lines=["the page has ended; what runs goes on"])


class Ending(uvicorn.Server):
    """uvicorn's server, which lets go of the pages that listen once it is to end: else it would wait for them."""

    def __init__(self, config: uvicorn.Config, end: Callable[[], None]) -> None:
        super().__init__(config)
        self._end = end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """What follows on Ctrl-C."""
        self._end()
        await super().shutdown(sockets)


def _number(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) < 65536:
        return int(text)
    raise fail("usage", f"--port: expected a port, got {echoed(text)}", "--port", "./inv ui --port 8080", USAGE)


@contextlib.contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """A socket of this machine alone; 0 is any free port."""
    try:
        sock = socket.create_server((HOST, port))
    except OSError as error:
        message = f"port {port} can't be had: {error.strerror}"
        raise fail("port", message, "--port", "./inv ui, which takes a free one") from None
    with sock:
        yield sock


def told(url: str, port: int, read_only: bool, engine: str) -> list[str]:
    """What is said as it begins, for an engine at an address."""
    lines = [f"the stack's page{', to look only' if read_only else ''}: {url}", "it is there until Ctrl-C"]
    if os.environ.get("SSH_CONNECTION"):
        server = os.environ["SSH_CONNECTION"].split()[2]
        lines.insert(
            1, f"from your own machine first: ssh -L {port}:{HOST}:{port} {os.environ.get('USER', 'USER')}@{server}"
        )
    if engine.startswith("ssh://"):
        lines.append("the engine is asked by ssh, a connection for each question: what makes it one is in docs/ui.md")
    return lines


@contextlib.contextmanager
def _opener(url: str, port: int) -> Iterator[Path]:
    """The page that leads there, for its owner alone, while the block runs."""
    path = tree.root() / (OPENER % port)
    tree.enclose(path.parent)
    tree.write(path, f'<!doctype html><meta http-equiv="refresh" content="0;url={html.escape(url)}">\n'.encode(), 0o600)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _open(path: Path) -> None:
    """Open it, from a terminal with a display."""
    import webbrowser

    seen = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.stderr.isatty() and seen:
        webbrowser.open(path.as_uri())
