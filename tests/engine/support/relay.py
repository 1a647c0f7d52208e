"""A socket between a command and the engine, by which the engine seems to go away and come back, or to be elsewhere."""

import contextlib
import socket
import threading
from pathlib import Path

from stack import client, docker


class Relay:
    """Hands on what comes to the socket `path`, or to a port of this machine without one, while it is `up`."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self.host = ""
        self.up()

    def up(self) -> None:
        """Listen; `host` is what DOCKER_HOST is to be."""
        if self._path:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(self._path))
            listener.listen(64)
            self.host = f"unix://{self._path}"
        else:
            listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            self.host = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        self._listener: socket.socket | None = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def down(self) -> None:
        """Be gone, with every connection."""
        if self._path:
            self._path.unlink(missing_ok=True)
        with self._lock:
            listener, self._listener = self._listener, None
            for one in (*([listener] if listener else []), *self._open):
                _end(one)
            self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = listener.accept()
                there = socket.socket(socket.AF_UNIX)
                with self._lock:
                    if self._listener is not listener:
                        _end(here)
                        return
                    there.connect(client.endpoint().removeprefix(docker.UNIX))
                    self._open += [here, there]
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=_hand_on, args=(one, other), daemon=True).start()


def _hand_on(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
