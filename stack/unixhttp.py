"""HTTP over a unix socket, as engines speak it. An answer takes milliseconds, where a docker client takes 25 to 40 to
start; Python's own client takes 20 to be imported."""

import json
import socket
from typing import Any, NamedTuple

OK, CREATED, MISSING = 200, 201, 404


class Answer(NamedTuple):
    """An answer: its status, its head as it came, and its body."""

    status: int
    head: bytes
    body: bytes

    def values(self) -> Any:
        """The body, which is JSON. Raises ValueError where it is none."""
        return json.loads(self.body)


def get(path: str, resource: str, timeout: float) -> Answer:
    """The answer to a GET at the socket `path`, with `timeout` seconds for each part of it.

    Raises OSError where nobody answers, ValueError where that is no HTTP."""
    return _asked(path, f"GET {resource}", b"", timeout)


def post(path: str, resource: str, values: object, timeout: float) -> Answer:
    """The answer to a POST of `values` as JSON, as `get` has it; raises the same."""
    return _asked(path, f"POST {resource}", json.dumps(values).encode(), timeout)


def _asked(path: str, what: str, body: bytes, timeout: float) -> Answer:
    length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    # In HTTP/1.0 the answer comes in one piece and ends with the connection.
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(timeout)
        sock.connect(path)
        sock.sendall(f"{what} HTTP/1.0\r\nHost: localhost\r\n{length}\r\n".encode() + body)
        whole = b"".join(iter(lambda: sock.recv(1 << 16), b""))
    head, _, body = whole.partition(b"\r\n\r\n")
    return Answer(int(head[:12].rpartition(b" ")[2]), head, body)


def streams(body: bytes) -> tuple[bytes, bytes]:
    """A container's output and its errors out of one answer, in which each piece has a head: a number for the stream,
    and the piece's length. Raises ValueError where there are none."""
    pieces: dict[int, list[bytes]] = {1: [], 2: []}
    at = 0
    while at < len(body):
        head, length = body[at : at + 4], int.from_bytes(body[at + 4 : at + 8])
        if head[1:] != b"\0\0\0" or head[0] not in pieces:
            raise ValueError(head)
        pieces[head[0]].append(body[at + 8 : at + 8 + length])
        at += 8 + length
    return b"".join(pieces[1]), b"".join(pieces[2])
