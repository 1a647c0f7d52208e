"""A stand-in for a collector: takes traces by OTLP over HTTP (protobuf) and tells which spans came.

Run as a program (`python -m tests.standins.otlp PORT`); `GET /spans?atleast=N` answers with them once there are N."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.standins.web import Handler, serving

PATIENCE = 30.0
"""Seconds after which spans that are awaited count as lost."""


class Span(NamedTuple):
    """What a test asks of a span; ids in hex, the parent's is empty for a root."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, object]


class Collector:
    """The spans that came, and a way to wait for them."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._news = threading.Condition()

    def take(self, body: bytes) -> None:
        """What one request brought."""
        found = list(read(body))
        with self._news:
            self.spans += found
            self._news.notify_all()

    def wait(self, atleast: int) -> list[Span]:
        """All spans, once there are so many of them."""
        with self._news:
            there = self._news.wait_for(lambda: len(self.spans) >= atleast, PATIENCE)
            assert there, f"{len(self.spans)} spans came, {atleast} were awaited"
            return list(self.spans)


def read(body: bytes) -> Iterator[Span]:
    """The spans of an export request."""
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        about = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                attributes: dict[str, object] = {
                    pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "", None)
                    for pair in span.attributes
                }
                ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                yield Span(about.get("service.name", ""), span.name, *ids, attributes)


def handler(collector: Collector) -> type[Handler]:
    """The HTTP side of a collector."""

    class Receiver(Handler):
        def post(self) -> None:
            body = self.body()
            if self.path != "/v1/traces" or self.headers["Content-Type"] != "application/x-protobuf":
                self.send_error(404)
                return
            collector.take(body)
            self.answer(200, b"", "application/x-protobuf")

        def get(self) -> None:
            wanted = parse_qs(urlsplit(self.path).query).get("atleast", ["0"])
            self.answer_json(200, [span._asdict() for span in collector.wait(int(wanted[0]))])

    return Receiver


@contextmanager
def collecting(port: int = 0) -> Iterator[tuple[int, Collector]]:
    """A collector on a port of 127.0.0.1, by default a free one."""
    collector = Collector()
    with serving(handler(collector), port) as there:
        yield there, collector


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[1])), handler(Collector())).serve_forever()
