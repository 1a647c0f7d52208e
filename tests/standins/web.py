"""What the stand-ins share: an HTTP server of this process, without log, that ends with its block."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Reads a body, writes an answer. A stand-in says what by `get`, `post`, `put` and `delete`."""

    def do_GET(self) -> None:
        self.get()

    def do_POST(self) -> None:
        self.post()

    def do_PUT(self) -> None:
        self.put()

    def do_DELETE(self) -> None:
        self.delete()

    def get(self) -> None:
        self.send_error(501)

    def post(self) -> None:
        self.send_error(501)

    def put(self) -> None:
        self.send_error(501)

    def delete(self) -> None:
        self.send_error(501)

    def body(self) -> bytes:
        """What the request brings."""
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def answer(self, status: int, body: bytes, kind: str) -> None:
        """Answers with these bytes."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_json(self, status: int, value: Any) -> None:
        """Answers with a value as JSON, without spaces, as most programs do."""
        self.answer(status, json.dumps(value, separators=(",", ":")).encode(), "application/json")

    def log_message(self, *args: object) -> None:
        """Nothing: what matters is asserted."""


def in_a_command(secret: str) -> bool:
    """Whether the arguments of any program that this one sees have the secret: everybody can read them."""
    found = False
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found |= secret.encode() in path.read_bytes()
    return found


@contextmanager
def serving(handler: type[Handler], port: int = 0) -> Iterator[int]:
    """A server on a port of 127.0.0.1, by default a free one."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
