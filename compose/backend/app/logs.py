"""Log lines as JSON, one per line; requests without query strings, which may hold keys."""

import json
import logging
import sys
import time
from datetime import UTC, datetime

from starlette.types import ASGIApp, Receive, Scope, Send

from app.answering import Noted

CORRELATION_HEADER = b"x-correlation-id"  # set by the gateway's correlation-id plugin
LONGEST_ID = 128
QUIET = {"/health", "/metrics"}  # asked every few seconds by the container's health check and by Prometheus

access = logging.getLogger("app.access")


class JsonFormatter(logging.Formatter):
    """time (UTC), level, logger, message, the record's `fields`, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object without line breaks."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure() -> None:
    """Sends everything at level INFO and above to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)


class AccessLog:
    """ASGI middleware: one line per request, with the correlation id that the gateway gave it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and logs it when it has been answered, also if the application fails."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, noted = time.perf_counter(), Noted(send)
        try:
            await self.app(scope, receive, noted)
        finally:
            level = logging.DEBUG if scope["path"] in QUIET and noted.status < 400 else logging.INFO
            access.log(level, "request", extra={"fields": _fields(scope, noted.status, started)})


def _fields(scope: Scope, status: int, started: float) -> dict[str, object]:
    fields: dict[str, object] = {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "duration_ms": round((time.perf_counter() - started) * 1000, 1),
    }
    if "trace_id" in scope:
        fields["trace_id"] = scope["trace_id"]
    for name, value in scope["headers"]:
        if name == CORRELATION_HEADER:
            fields["correlation_id"] = value.decode("latin-1")[:LONGEST_ID]
    return fields
