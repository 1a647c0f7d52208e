"""A stand-in for Elasticsearch: keeps and finds documents by the few requests of its HTTP protocol that the backend
uses, behind its password. What matches is scored by how often the words are in it.

Run as a program (`python -m tests.standins.elasticsearch PORT`), with the password in ELASTIC_PASSWORD."""

import base64
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.standins.web import Handler, serving

Indices = dict[str, dict[str, dict[str, Any]]]
"""Documents by index and id; an index comes into being with its first document."""


def keep(indices: Indices, index: str, name: str, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """PUT /INDEX/_doc/ID"""
    documents = indices.setdefault(index, {})
    new = name not in documents
    documents[name] = document
    return (201 if new else 200), {"_index": index, "_id": name, "result": "created" if new else "updated"}


def search(indices: Indices, index: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
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


def handler(password: str) -> type[Handler]:
    """The HTTP side."""
    indices: Indices = {}
    expected = "Basic " + base64.b64encode(f"elastic:{password}".encode()).decode()

    class Search(Handler):
        def put(self) -> None:
            _, index, _, name = urlsplit(self.path).path.split("/")
            self._answer(*keep(indices, index, unquote(name), json.loads(self.body())))

        def post(self) -> None:
            _, index, _ = urlsplit(self.path).path.split("/")
            self._answer(*search(indices, index, json.loads(self.body())))

        def get(self) -> None:
            self._answer(200, {"status": "green"})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            if self.headers["Authorization"] == expected:
                self.answer_json(status, body)
            else:
                self.answer_json(401, {"error": {"type": "security_exception"}, "status": 401})

    return Search


@contextmanager
def searching(password: str) -> Iterator[int]:
    """One on a free port of 127.0.0.1."""
    with serving(handler(password)) as port:
        yield port


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[1])), handler(os.environ["ELASTIC_PASSWORD"])).serve_forever()
