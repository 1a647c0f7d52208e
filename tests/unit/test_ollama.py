"""The models of a running Ollama, against a stand-in that speaks its API (StandInOllama)."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stack import tree
from stack.bundle import make, models
from stack.commands import bundle
from stack.errors import StackError, fail
from stack.output.progress import Progress
from stack.planning import planner
from stack.planning.planner import Request
from stack.running import images, ollama

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
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
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


def wanting(names: str, source: str = "container") -> Any:
    """The plan of an Ollama with these as OLLAMA_PULL, as far as a bundle asks it."""
    services = {"ollama": {"image": "x", "volumes": [{"type": "volume", "source": "data", "target": "/data"}]},
                "ollama-pull": {"image": "x", "environment": {"OLLAMA_PULL": names}}}  # fmt: skip
    facts = SimpleNamespace(model={"services": services, "volumes": {"data": {"name": "p_data"}}},
                            sources={"ollama": source})  # fmt: skip
    return SimpleNamespace(facts=facts, plan=SimpleNamespace(project="p", names=lambda: ["ollama", "ollama-pull"]))


def test_a_bundle_lacks_the_models_that_a_running_ollama_could_pull(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ollama, "address", lambda _: base)
    assert models.pullable(wanting("a:1b, b good")) == ["good"]
    # Elsewhere, it is not ours to fill, and what its ambassador mounts has no models.
    assert models.store(wanting("good", "localhost")) is None
    assert models.pullable(wanting("good", "localhost")) == []

    def stopped(_: str) -> str:
        raise fail("not-running", "Ollama does not run in this project", "ollama", "./inv up --service ollama")

    monkeypatch.setattr(ollama, "address", stopped)
    assert models.pullable(wanting("good")) == []


def test_a_bundle_pulls_those_models_once_agreed_to_and_tells_which_it_could_not(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = wanting("good bad")
    monkeypatch.setattr(tree, "root", lambda: tmp_path)
    monkeypatch.setattr(planner, "make", lambda *_: planned)
    monkeypatch.setattr(make, "lacking", lambda _: ["models to be pulled, of unknown size: good, bad"])
    monkeypatch.setattr(images, "obtain", lambda *_: None)
    monkeypatch.setattr(ollama, "address", lambda _: base)
    with pytest.raises(StackError, match="models to be pulled, of unknown size: good, bad"):
        bundle._obtained(Request(), "./inv bundle --yes", False, Progress())
    found, problems = bundle._obtained(Request(), "./inv bundle --yes", True, Progress())
    assert found is planned
    assert [problem.where for problem in problems] == ["bad"]
