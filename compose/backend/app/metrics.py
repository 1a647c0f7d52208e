"""What Prometheus reads: requests by route and status, how long they took, the database pool, this process."""

import time
from collections.abc import Iterator

import asyncpg
from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Receive, Scope, Send

from app.answering import Noted

router = APIRouter()

disable_created_metrics()  # a second series for each, which nothing here reads
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
OTHER = "other"  # a label must not take whatever a client makes up
GATEWAY_HEADER = "X-Forwarded-Path"


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """The measurements, for containers of the stack; through the gateway, which is open, there are none."""
    if GATEWAY_HEADER in request.headers:
        return Response(status_code=404)
    return Response(generate_latest(request.app.state.metrics), media_type=CONTENT_TYPE_LATEST)


class Pool(Collector):
    """The connections to PostgreSQL, counted when Prometheus asks."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    def collect(self) -> Iterator[Metric]:
        """Connections in use and idle, and how many there may be."""
        idle = self.pool.get_idle_size()
        held = GaugeMetricFamily("backend_database_pool_connections", "Connections to PostgreSQL", labels=["state"])
        held.add_metric(["busy"], self.pool.get_size() - idle)
        held.add_metric(["idle"], idle)
        yield held
        yield GaugeMetricFamily(
            "backend_database_pool_limit", "Connections to PostgreSQL at most", self.pool.get_max_size()
        )


class Measure:
    """ASGI middleware that counts and times each request under its route, which has no ids in it."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self.app = app
        labels = ["method", "route"]
        self.requests = Counter("backend_http_requests", "Requests answered", [*labels, "status"], registry=registry)
        self.durations = Histogram(
            "backend_http_request_duration_seconds", "Time to the end of the answer", labels, registry=registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and counts it when it has been answered, also if the application fails."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, noted = time.perf_counter(), Noted(send)
        try:
            await self.app(scope, receive, noted)
        finally:
            method = scope["method"] if scope["method"] in METHODS else OTHER
            route = route_of(scope)
            self.requests.labels(method, route, noted.status).inc()
            self.durations.labels(method, route).observe(time.perf_counter() - started)


def registry() -> CollectorRegistry:
    """A registry of one application, with the process's memory, time and files in it."""
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    return made


def route_of(scope: Scope) -> str:
    """The template of the path that a request was answered by (`/documents/{name}`)."""
    return getattr(scope.get("route"), "path", OTHER)
