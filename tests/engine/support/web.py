"""A web server of this process on 127.0.0.1, as an application under a debugger would be."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Web(ThreadingHTTPServer):
    """Tells what it was asked; `/origin` by which Host and Origin. `/stream` sends a second part only once `released`
    is set; an upgrade echoes.

    No connection is kept: a thread of one would go on answering after the end of the server."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.released = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Web

    def do_GET(self) -> None:
        if self.headers.get("Upgrade"):
            self._echo()
        elif self.path == "/stream":
            self._stream()
        elif self.path == "/origin":
            self._answer(f"{self.headers['Host']} {self.headers['Origin']}".encode())
        else:
            self._answer(f"{self.path} {self.headers['Host']} {self.headers['X-Forwarded-Proto']}".encode())

    do_HEAD = do_GET  # noqa: N815 - the name in http.server

    def do_POST(self) -> None:
        self._answer(str(len(self.rfile.read(int(self.headers["Content-Length"])))).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"5\r\nfirst\r\n")
        self.server.released.wait(30)
        self.wfile.write(b"6\r\nsecond\r\n0\r\n\r\n")

    def _echo(self) -> None:
        switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        self.wfile.write(switch)
        while data := self.connection.recv(1024):
            self.connection.sendall(b"echo " + data)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
        """Nothing: what is asked is asserted, not read."""


@contextlib.contextmanager
def web(port: int) -> Iterator[Web]:
    """Serve on a port of 127.0.0.1."""
    server = Web(port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
