"""Stands between the docker client and the engine, and goes away after some connections."""

import contextlib
import socket
import threading
from pathlib import Path
from types import TracebackType

ENGINE = "/var/run/docker.sock"


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
