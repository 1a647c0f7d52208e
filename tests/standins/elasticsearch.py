"""A stand-in for Elasticsearch: keeps and finds documents by the few requests of its HTTP protocol that the backend
uses, and writes and takes in snapshots by those that a backup uses, behind its password. What matches is scored by how
often the words are in it.

Run as a program (`python -m tests.standins.elasticsearch PORT [FOLDER]`), with the password in ELASTIC_PASSWORD; it
keeps its documents in the folder, or nowhere."""

import base64
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.standins.web import Handler, in_a_command, serving

Indices = dict[str, dict[str, dict[str, Any]]]
"""Documents by index and id; an index comes into being with its first document."""
Answer = tuple[int, dict[str, Any]]
STATE = "state.json"


def keep(indices: Indices, index: str, name: str, document: dict[str, Any]) -> Answer:
    """PUT /INDEX/_doc/ID"""
    documents = indices.setdefault(index, {})
    new = name not in documents
    documents[name] = document
    return (201 if new else 200), {"_index": index, "_id": name, "result": "created" if new else "updated"}


def search(indices: Indices, index: str, body: dict[str, Any]) -> Answer:
    """POST /INDEX/_search with a multi_match query; an index that is not there is empty (ignore_unavailable)."""
    asked = body["query"]["multi_match"]
    fields = [field.partition("^")[0] for field in asked["fields"]]
    words = _words(asked["query"])
    scored = {}
    for name, document in indices.get(index, {}).items():
        there = _words(" ".join(document[field] for field in fields))
        scored[name] = float(sum(there.count(word) for word in words))
    best = sorted((name for name in scored if scored[name]), key=scored.__getitem__, reverse=True)
    hits = [{"_id": name, "_score": scored[name], "_source": indices[index][name]} for name in best]
    return 200, {"hits": {"total": {"value": len(hits)}, "hits": hits[: body["size"]]}}


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


class Snapshots:
    """PUT and DELETE /_snapshot/REPOSITORY, PUT /_snapshot/REPOSITORY/SNAPSHOT and POST …/_restore, of repositories of
    type `fs`, each below the setting path.repo; with the indices that they are of."""

    def __init__(self, indices: Indices, allowed: str) -> None:
        self.indices, self.allowed = indices, allowed
        self.repositories: dict[str, Path] = {}

    def register(self, repository: str, body: dict[str, Any]) -> Answer:
        place = Path(body["settings"]["location"])
        if body["type"] != "fs" or not self.allowed or not place.is_relative_to(self.allowed):
            return 500, {"error": {"type": "repository_exception", "reason": f"[{repository}] location: path.repo"}}
        place.mkdir(parents=True, exist_ok=True)
        self.repositories[repository] = place
        return 200, {"acknowledged": True}

    def unregister(self, repository: str) -> Answer:
        if self.repositories.pop(repository, None) is None:
            return 404, {"error": {"type": "repository_missing_exception"}, "status": 404}
        return 200, {"acknowledged": True}

    def take(self, repository: str, snapshot: str) -> Answer:
        place = self.repositories[repository] / "indices"
        place.mkdir()
        for name, documents in self.indices.items():
            (place / f"{name}.json").write_text(json.dumps(documents))
        (place.parent / f"snap-{snapshot}.dat").touch()
        return 200, {"snapshot": {"snapshot": snapshot, "state": "SUCCESS", "shards": {"total": 1, "failed": 0}}}

    def restore(self, repository: str, snapshot: str, body: dict[str, Any]) -> Answer:
        place = self.repositories[repository]
        if not (place / f"snap-{snapshot}.dat").exists():
            return 404, {"error": {"type": "snapshot_missing_exception"}, "status": 404}
        found = {path.stem: json.loads(path.read_text()) for path in place.glob("indices/*.json")}
        if body["indices"] != "*" or self.indices.keys() & found.keys():
            return 500, {"error": {"type": "snapshot_restore_exception", "reason": "an open index of that name"}}
        self.indices.update(found)
        return 200, {"snapshot": {"snapshot": snapshot, "shards": {"total": len(found), "failed": 0}}}


def routes(indices: Indices) -> dict[str, Callable[..., Answer]]:
    """What is done for a method and path, as a regular expression, by its groups and the body."""
    snapshots = Snapshots(indices, os.environ.get("path.repo", ""))  # noqa: SIM112 - so it is called

    def clear(_: dict[str, Any]) -> Answer:
        indices.clear()
        return 200, {"acknowledged": True}

    return {
        r"PUT /_snapshot/(\w+)": snapshots.register,
        r"DELETE /_snapshot/(\w+)": lambda repository, _: snapshots.unregister(repository),
        r"PUT /_snapshot/(\w+)/(\w+)": lambda repository, name, _: snapshots.take(repository, name),
        r"POST /_snapshot/(\w+)/(\w+)/_restore": snapshots.restore,
        r"DELETE /\*": clear,
        r"PUT /([^_/]+)/_doc/([^/]+)": lambda index, name, body: keep(indices, index, unquote(name), body),
        r"POST /([^_/]+)/_search": lambda index, body: search(indices, index, body),
        r"GET /.*|PUT /_cluster/settings|POST /_ilm/\w+|DELETE /_data_stream/\*":
            lambda _: (200, {"status": "green", "acknowledged": True}),
    }  # fmt: skip


def handler(password: str, folder: Path | None = None) -> type[Handler]:
    """The HTTP side."""
    state = folder / STATE if folder else None
    indices: Indices = json.loads(state.read_text()) if state and state.exists() else {}
    known = routes(indices)
    expected = "Basic " + base64.b64encode(f"elastic:{password}".encode()).decode()

    class Search(Handler):
        def do(self) -> None:
            path, body = urlsplit(self.path).path, self.body()
            if self.headers["Authorization"] != expected:
                self.answer_json(401, {"error": {"type": "security_exception"}, "status": 401})
            elif folder and in_a_command(password):
                self.answer_json(500, {"error": {"type": "the password is in a list of processes"}})
            elif path == "/_cat/count":
                self.answer(200, f"{sum(map(len, indices.values()))}\n".encode(), "text/plain")
            else:
                self.answer_json(*told(f"{self.command} {path}", json.loads(body or b"{}")))

        get = put = post = delete = do

    def told(request: str, body: dict[str, Any]) -> Answer:
        found = ((re.fullmatch(pattern, request), do) for pattern, do in known.items())
        answer = next((do(*match.groups(), body) for match, do in found if match), (405, {"status": 405}))
        if state:
            state.write_text(json.dumps(indices))
        return answer

    return Search


@contextmanager
def searching(password: str) -> Iterator[int]:
    """One on a free port of 127.0.0.1."""
    with serving(handler(password)) as port:
        yield port


if __name__ == "__main__":
    place = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    ThreadingHTTPServer(("", int(sys.argv[1])), handler(os.environ["ELASTIC_PASSWORD"], place)).serve_forever()
