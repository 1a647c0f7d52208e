"""Where spans go: by OTLP over HTTP to the collector, in batches, from a thread of their own."""

import logging
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

SEND_SECONDS = 3.0  # for one batch, its tries included
BATCH_MILLISECONDS = 1000

log = logging.getLogger("app.spans")


class Told(SpanExporter):
    """An exporter that tells when spans begin to get lost and when they arrive again, not of every batch."""

    def __init__(self, exporter: SpanExporter, address: str) -> None:
        self.exporter, self.address, self.arriving = exporter, address, True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hands the spans on."""
        result = self.exporter.export(spans)
        arrived = result is SpanExportResult.SUCCESS
        if arrived != self.arriving:
            level, word = (logging.INFO, "arrive again") if arrived else (logging.WARNING, "get lost")
            log.log(level, "traces %s: %s", word, self.address)
            self.arriving = arrived
        return result

    def shutdown(self) -> None:
        """Gives up what is being tried."""
        self.exporter.shutdown()


def provider(endpoint: str) -> TracerProvider:
    """The source of tracers whose spans are sent to `endpoint`, an address without path."""
    # The exporter would tell of each batch that gets lost.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
    address = f"{endpoint.rstrip('/')}/v1/traces"
    exporter = Told(OTLPSpanExporter(endpoint=address, timeout=SEND_SECONDS), address)
    made = TracerProvider(resource=Resource({"service.name": "backend"}), shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=BATCH_MILLISECONDS))
    return made
