"""The backend's part of a trace, as a stand-in for a collector receives it."""

import asyncio
import json
import logging
from pathlib import Path

import pytest
from app import spans

from tests.standins.otlp import collecting
from tests.support_backend import client, closed_port, run, settings, write_plan

TRACE, KONG = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
FROM_KONG = {"traceparent": f"00-{TRACE}-{KONG}-01"}
COLLECTOR = {"name": "otel-collector"}


def test_a_request_is_a_span_below_the_gateways(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        caplog.set_level(logging.INFO, logger="app.access")
        nobody = await closed_port()
        with collecting() as (port, collector):
            write_plan(tmp_path, COLLECTOR)
            endpoint = f"http://127.0.0.1:{port}"
            async with client(settings(tmp_path, nobody, nobody, otlp_endpoint=endpoint)) as caller:
                await caller.get("/health", headers=FROM_KONG)  # nobody follows these
                await caller.get("/ready?key=secret", headers=FROM_KONG)
                [span] = await asyncio.to_thread(collector.wait, 1)
        assert (span.service, span.name) == ("backend", "GET /ready")
        assert (span.trace_id, span.parent_id) == (TRACE, KONG)
        assert span.attributes["http.response.status_code"] == 503
        assert "secret" not in json.dumps(span)
        assert [getattr(record, "fields", {}).get("trace_id") for record in caplog.records] == [TRACE]

    run(scenario())


def test_a_request_of_nobody_else_begins_a_trace(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        with collecting() as (port, collector):
            write_plan(tmp_path, COLLECTOR)
            endpoint = f"http://127.0.0.1:{port}/"
            async with client(settings(tmp_path, nobody, nobody, otlp_endpoint=endpoint)) as caller:
                await caller.get("/nowhere")
                await caller.get("/services")
            # What has not been sent yet is sent at the end.
            first, second = collector.spans
        assert [(span.name, span.parent_id) for span in (first, second)] == [("GET other", ""), ("GET /services", "")]
        assert first.trace_id != second.trace_id

    run(scenario())


def test_a_caller_that_does_not_sample_is_obeyed(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        with collecting() as (port, collector):
            write_plan(tmp_path, COLLECTOR)
            endpoint = f"http://127.0.0.1:{port}"
            async with client(settings(tmp_path, nobody, nobody, otlp_endpoint=endpoint)) as caller:
                await caller.get("/services", headers={"traceparent": f"00-{TRACE}-{KONG}-00"})
            assert collector.spans == []

    run(scenario())


def test_traces_begin_and_end_with_the_plan(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        with collecting() as (port, collector):
            endpoint = f"http://127.0.0.1:{port}"
            async with client(settings(tmp_path, nobody, nobody, otlp_endpoint=endpoint)) as caller:
                for name, services in (("before", []), ("with", [COLLECTOR]), ("after", [])):
                    write_plan(tmp_path, *services)
                    await caller.get(f"/{name}")
            assert [span.attributes["url.path"] for span in collector.spans] == ["/with"]

    run(scenario())


def test_a_collector_that_is_away_is_told_of_once_and_its_return_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "SEND_SECONDS", 0.3)

    async def scenario() -> None:
        caplog.set_level(logging.INFO)
        nobody = await closed_port()
        port = await closed_port()
        write_plan(tmp_path, COLLECTOR)
        endpoint = f"http://127.0.0.1:{port}"
        async with client(settings(tmp_path, nobody, nobody, otlp_endpoint=endpoint)) as caller:
            tracing = caller._transport.app.state.tracing  # type: ignore[attr-defined]
            for _ in range(2):
                assert (await caller.get("/services")).status_code == 200
                await asyncio.to_thread(tracing.provider.force_flush)
            with collecting(port) as (_, collector):
                await caller.get("/services")
                await asyncio.to_thread(collector.wait, 1)
                await asyncio.to_thread(tracing.provider.force_flush)
        told = [record.getMessage() for record in caplog.records if record.name not in ("app.access", "httpx")]
        assert told == [f"traces get lost: {endpoint}/v1/traces", f"traces arrive again: {endpoint}/v1/traces"]

    run(scenario())
