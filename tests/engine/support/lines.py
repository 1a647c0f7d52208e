"""What stands between a client and its server: lines that can be held or cut, and a way to the engine that ends."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

ENGINE = "/var/run/docker.sock"

Hold = Callable[[int], bool]
"""Asked before each piece goes to the client, with the bytes of this connection so far: may wait, or say False to cut
the connection instead."""


def always(sent: int) -> bool:
    """Lets everything through."""
    return True


class Line:
    """Carries what comes to a listening socket to another, and counts the connections."""

    def __init__(self, server: socket.socket, far: Callable[[], socket.socket], hold: Hold = always) -> None:
        self._server, self._far, self._hold = server, far, hold
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self.connections += 1
                far = self._far()
                for ends in ((client, far, False), (far, client, True)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, held: bool) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sent += len(data)
                if held and not self._hold(sent):
                    break
                target.sendall(data)
        for sock in (source, target):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def to_port(port: int) -> socket.socket:
    """A connection to a port of this machine."""
    return socket.create_connection(("127.0.0.1", port))


def to_path(path: str) -> socket.socket:
    """A connection to a socket in the file system."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    return sock


@contextlib.contextmanager
def line(to: int, hold: Hold = always) -> Iterator[Line]:
    """A line to a port of this machine while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Line(server, lambda: to_port(to), hold)


def at_rate(rate: int, over: threading.Event) -> Hold:
    """Lets so many bytes a second through each connection, until `over` is set."""
    since = time.monotonic()

    def hold(sent: int) -> bool:
        over.wait(max(0.0, sent / rate - (time.monotonic() - since)))
        return True

    return hold


class Relay:
    """A socket that passes everything on to the engine, until it was asked `questions` times: then it is gone, and what
    is open is closed."""

    def __init__(self, path: Path, questions: int) -> None:
        self.path, self.questions, self.asked = path, questions, 0
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> "Relay":
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._end()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while self.asked < self.questions:
                client, _ = self._listener.accept()
                self.asked += 1
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(ENGINE)
                self._open += [client, engine]
                for one, other in ((client, engine), (engine, client)):
                    threading.Thread(target=_pass, args=(one, other), daemon=True).start()
        self._end()

    def _end(self) -> None:
        self.path.unlink(missing_ok=True)
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def _pass(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
