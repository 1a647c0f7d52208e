"""Clients that ask the gateway without a pause, and the page that they ask."""

import contextlib
import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.engine.support import stacks, standins
from tests.engine.support.stacks import Stack

PAGE = (Path(__file__).parents[1] / "standins" / "page.py").read_text()
ANSWERS = {"test": ["CMD", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080"], "interval": "1s"}
CLIENTS = 8


class Answer(NamedTuple):
    """What one request came to; `worker` is the one of the gateway that answered, where it says so."""

    status: int
    body: str
    worker: str


class Load:
    """Requests one after the other in several threads: what they were answered, by which container and which worker.
    A client that keeps its connection asks once more where that is closed before an answer begins, as every client
    does."""

    def __init__(self, port: int) -> None:
        self.port, self.statuses = port, list[str]()
        self.workers, self.hosts = set[str](), list[str]()
        self.over = threading.Event()

    def run(self, keeps: bool) -> None:
        with contextlib.closing(connected(self.port)) as connection:
            while not self.over.is_set():
                try:
                    answer = self.once(connection)
                    self.statuses.append(str(answer.status))
                    self.hosts.append(answer.body)
                    self.workers |= {answer.worker}
                except (OSError, http.client.HTTPException) as error:
                    self.statuses.append(repr(error))
                    connection.close()
                if not keeps:
                    connection.close()

    def once(self, connection: http.client.HTTPConnection) -> Answer:
        kept = connection.sock is not None
        try:
            return asked(connection, "/web/")
        except (ConnectionError, http.client.RemoteDisconnected):
            connection.close()
            if not kept:
                raise
            return asked(connection, "/web/")

    def until_more(self, count: int) -> None:
        """Wait for so many further answers."""
        wanted = len(self.statuses) + count
        stacks.until(lambda: len(self.statuses) >= wanted, "the load's next requests")

    def failed(self, since: int = 0) -> Counter[str]:
        """What was answered otherwise than with 200, from this request on."""
        return Counter(status for status in self.statuses[since:] if status != "200")


def connected(port: int) -> http.client.HTTPConnection:
    """A connection to be opened by its first request."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=30)


def asked(connection: http.client.HTTPConnection, path: str) -> Answer:
    """One request on a connection."""
    connection.request("GET", path)
    answer = connection.getresponse()
    return Answer(answer.status, answer.read().decode(), str(answer.headers["X-Worker"]))


def ask(port: int, path: str) -> Answer:
    """One request on a connection of its own."""
    with contextlib.closing(connected(port)) as connection:
        return asked(connection, path)


@contextlib.contextmanager
def load(port: int, clients: int = CLIENTS, keeping: int = 0) -> Iterator[Load]:
    """A load that has begun, and ends with the block; so many of its clients keep their connections, which the stand-in
    for Kong serves one after the other."""
    made = Load(port)
    threads = [threading.Thread(target=made.run, args=(at < keeping,)) for at in range(clients)]
    for thread in threads:
        thread.start()
    try:
        made.until_more(20)
        yield made
    finally:
        made.over.set()
        for thread in threads:
            thread.join()


def page(stack: Stack, name: str, offset: int = 21) -> None:
    """Write the fragment of a service that is the page."""
    own = name.upper()
    stack.service(name, image=standins.IMAGE, command=["python3", "-c", PAGE], healthcheck=ANSWERS,
                  entry={"ports": {f"{own}_PORT": offset}}, ports=[f"127.0.0.1:${{{own}_PORT}}:8080"],
                  deploy={"replicas": f"${{{own}_SCALE:-1}}"}, stop_grace_period="10s")  # fmt: skip
