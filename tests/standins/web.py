"""What the stand-ins share: an HTTP server of this process, without log, that ends with its block."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Reads a body, writes an answer. A stand-in says what by `get`, `post` and `put`."""

    def do_GET(self) -> None:
        self.get()

    def do_POST(self) -> None:
        self.post()

    def do_PUT(self) -> None:
        self.put()

    def get(self) -> None:
        self.send_error(501)

    def post(self) -> None:
        self.send_error(501)

    def put(self) -> None:
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
        """Answers with a value as JSON."""
        self.answer(status, json.dumps(value).encode(), "application/json")

    def log_message(self, *args: object) -> None:
        """Nothing: what matters is asserted."""


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
