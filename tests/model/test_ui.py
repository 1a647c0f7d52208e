"""`inv ui` where no engine answers: what is planned is shown, what an action would change is told, Ctrl-C ends it."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest

from tests import support
from tests.support import Checkout


@pytest.fixture
def served(pair: Checkout) -> Iterator["tuple[subprocess.Popen[str], SplitResult]"]:
    """The command under way, and the address that it says."""
    around = {**support.environment(), "PYTHONPATH": str(pair.root)}
    words = [sys.executable, "-m", "stack", "ui", "--no-open", "--json"]
    with subprocess.Popen(words, cwd=pair.root, env=around, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:  # fmt: skip
        assert process.stderr
        yield process, urlsplit(process.stderr.readline().split()[-1])
        process.kill()


@contextlib.contextmanager
def asked(at: SplitResult, path: str, sent: Any = None) -> Iterator[HTTPResponse]:
    """The answer to a request of the page."""
    with contextlib.closing(HTTPConnection(at.hostname or "", at.port, timeout=60)) as connection:
        headers = {"Cookie": f"inv-ui-{at.port}={at.query.removeprefix('token=')}", "Content-Type": "application/json"}
        headers |= {"Origin": f"http://{at.netloc}"} if sent else {}
        connection.request("POST" if sent else "GET", path, json.dumps(sent) if sent else None, headers)
        with connection.getresponse() as response:
            yield response


def told(at: SplitResult, path: str, sent: Any = None) -> Any:
    """The same as values."""
    with asked(at, path, sent) as response:
        return json.load(response)


def news(stream: HTTPResponse, *wanted: str) -> dict[str, Any]:
    """The first of each kind that the stream tells."""
    found: dict[str, Any] = {}
    kind = ""
    while not found.keys() >= set(wanted):
        name, _, rest = stream.readline().decode().rstrip("\n").partition(": ")
        kind = rest if name == "event" else kind
        if name == "data":
            found.setdefault(kind, json.loads(rest))
    return found


def test_it_shows_the_plan_and_ends_by_ctrl_c(served: "tuple[subprocess.Popen[str], SplitResult]") -> None:
    process, at = served
    with asked(at, "/api/stream") as stream:
        found = news(stream, "plan", "engine", "server")
    assert found["plan"]["arrows"] == [["db", "web", True]]
    assert found["engine"]["answers"] is False
    service = told(at, "/api/service/web")
    assert (service["containers"], service["plan"]["depends_on"].keys()) == (None, {"db"})
    off = told(at, "/api/preview", {"do": "source", "service": "db", "to": "disabled"})
    assert off["possible"] is False
    assert "web" in off["problems"][0]["message"]
    assert told(at, "/api/service/none")["problems"][0]["code"] == "unknown-service"
    secret = told(at, "/api/do", {"do": "set", "name": "DB_PASSWORD", "value": "secret"})
    assert secret["problems"][0]["code"] == "secret"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(out)["data"] == {"port": at.port, "read_only": False}


def test_a_port_that_is_none_or_taken(pair: Checkout) -> None:
    for none in ("http", "99999", "-1"):
        assert pair.inv_json("ui", f"--port={none}").code == 2
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = pair.inv_json("ui", "--port", str(other.getsockname()[1]))
    assert (taken.code, taken.problems[0]["code"]) == (1, "port")
