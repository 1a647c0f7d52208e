"""One trace for a request and all that it causes: a span here, below the gateway's, while a collector is planned."""

from functools import cached_property
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Receive, Scope, Send

from app import plan
from app.answering import Noted
from app.metrics import route_of
from app.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

COLLECTOR = "otel-collector"
UNTRACED = {"/health", "/metrics"}  # asked every few seconds, by nobody who follows a trace
W3C = TraceContextTextMapPropagator()


class Tracing:
    """Whether and where spans are sent."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def wanted(self) -> bool:
        """Whether there is a collector to send to, as the plan is now."""
        return bool(self.settings.otlp_endpoint) and plan.has(self.settings.plan_file, COLLECTOR)

    @cached_property
    def provider(self) -> "TracerProvider":
        """Made when first asked for: without a collector its library costs neither memory nor start-up time."""
        from app import spans

        return spans.provider(self.settings.otlp_endpoint)

    def close(self) -> None:
        """Sends what is left; takes at most as long as one batch."""
        if "provider" in self.__dict__:
            self.provider.shutdown()


class Trace:
    """ASGI middleware: a span for each request, below the one that its `traceparent` names."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self.app, self.tracing = app, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on inside its span; the access log finds the trace's id in the scope."""
        if scope["type"] != "http" or scope["path"] in UNTRACED or not self.tracing.wanted():
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        tracer = self.tracing.provider.get_tracer("app")
        begun = tracer.start_as_current_span(scope["method"], context=W3C.extract(headers), kind=SpanKind.SERVER)
        with begun as span:
            scope["trace_id"] = trace.format_trace_id(span.get_span_context().trace_id)
            noted = Noted(send)
            try:
                await self.app(scope, receive, noted)
            finally:
                span.set_attribute("http.response.status_code", noted.status)
                if noted.status >= 500:
                    span.set_status(StatusCode.ERROR)
                route = route_of(scope)
                span.update_name(f"{scope['method']} {route}")
                about = {"http.request.method": scope["method"], "http.route": route, "url.path": scope["path"]}
                span.set_attributes(about)
