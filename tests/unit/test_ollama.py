"""The models of a running Ollama, against a stand-in that speaks its API (StandInOllama)."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stack.errors import StackError
from stack.running import ollama

STREAMS: dict[str, list[dict[str, object]]] = {
    "good": [
        {"status": "pulling manifest"},
        {"status": "pulling", "total": 200, "completed": 80},
        {"status": "success"},
    ],
    "bad": [{"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"}],
    "cut": [{"status": "pulling", "total": 200, "completed": 80}],
}


class StandInOllama(BaseHTTPRequestHandler):
    """Answers as Ollama does: 200 and a stream of JSON lines, also where the pull fails in the middle."""

    def do_GET(self) -> None:
        self._send(200, json.dumps({"models": [{"name": "b:latest", "size": 20}, {"name": "a:1b", "size": 10}]}))

    def do_POST(self) -> None:
        self._send(200, "\n".join(json.dumps(line) for line in STREAMS[self._model()]))

    def do_DELETE(self) -> None:
        found = self._model() == "a:1b"
        self._send(200 if found else 404, "" if found else json.dumps({"error": "model not found"}))

    def _model(self) -> str:
        return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["model"])

    def _send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
        pass


@pytest.fixture
def base() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandInOllama)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_models_are_listed_by_name_with_their_size(base: str) -> None:
    assert ollama.models(base) == [{"name": "a:1b", "bytes": 10}, {"name": "b:latest", "bytes": 20}]


def test_a_pull_tells_its_share(base: str) -> None:
    assert list(ollama.pull(base, "good")) == ["pulling manifest", "40 %", "success"]


@pytest.mark.parametrize(("name", "words"), [("bad", "file does not exist"), ("cut", "the connection ended")])
def test_a_pull_that_fails_under_status_200_is_an_error_with_the_command_to_retry(
    base: str, name: str, words: str
) -> None:
    with pytest.raises(StackError, match=words) as caught:
        list(ollama.pull(base, name))
    assert caught.value.problems[0].fix == f"./inv models.pull --name {name}"


def test_removing_what_is_not_there_is_refused_in_ollamas_words(base: str) -> None:
    ollama.remove(base, "a:1b")
    with pytest.raises(StackError, match="model not found"):
        ollama.remove(base, "nope")


def test_an_ollama_that_does_not_answer_is_told() -> None:
    with pytest.raises(StackError, match="does not answer"):
        ollama.models("http://127.0.0.1:9")
