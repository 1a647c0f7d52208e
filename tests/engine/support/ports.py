"""Ports for tests: each run, and each worker of one, takes from its own part of a range, all below those that the
system hands out by itself."""

import contextlib
import os
import socket
from collections.abc import Iterator

CHECKOUTS, CATALOGUES, PROGRAMS = range(20000, 30000, 50), range(10000, 20000, 200), range(30000, 32000)
"""Where checkouts begin (with what follows their BASE_PORT, up to the offsets of tests' own services), where those of
the whole catalogue do, and what programs of a test listen on."""


def own(ports: range) -> Iterator[int]:
    """This worker's part of a range, begun at another place by each run, as two may be at work at the same time."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    mine = ports[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) :: workers]
    begin = os.getpid() % 100 * len(mine) // 100
    yield from mine[begin:]
    yield from mine[:begin]


def first_free(bases: Iterator[int], count: int) -> int:
    """The next base from which this many ports are free."""
    return next(base for base in bases if all(is_free(base + n) for n in range(count)))


def free_port() -> int:
    """A port that nobody listens on."""
    return first_free(own(PROGRAMS), 1)


def is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
