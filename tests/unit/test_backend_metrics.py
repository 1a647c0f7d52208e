"""What Prometheus reads off the backend."""

from pathlib import Path

import httpx
import pytest
from app.main import create_app
from prometheus_client.parser import text_string_to_metric_families

from tests.support_backend import client, closed_port, run, settings, write_plan


async def samples(caller: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """Each sample's value by its name and its labels' values in the order of the labels' names."""
    answer = await caller.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_are_counted_and_timed_by_route_and_status(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            write_plan(tmp_path)
            for path in ("/health", "/health", "/ready", "/documents?q=a"):
                await caller.get(path)
            for name in ("a", "b"):
                await caller.put(f"/documents/{name}", json={"title": "t", "text": ""})
            found = await samples(caller)
            assert found["backend_http_requests_total", "GET", "/health", "200"] == 2
            assert found["backend_http_requests_total", "GET", "/ready", "503"] == 1
            assert found["backend_http_requests_total", "PUT", "/documents/{name}", "503"] == 2
            assert found["backend_http_request_duration_seconds_count", "GET", "/health"] == 2
            assert found["backend_http_request_duration_seconds_bucket", "+Inf", "GET", "/health"] == 2

    run(scenario())


def test_what_a_client_makes_up_gets_no_series_of_its_own(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            for number in range(20):
                await caller.request(f"MADE{number}", f"/made/up/{number}")
            requests = {k: v for k, v in (await samples(caller)).items() if k[0] == "backend_http_requests_total"}
            assert requests == {("backend_http_requests_total", "other", "other", "404"): 20}

    run(scenario())


def test_a_request_that_fails_is_counted_as_500(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        app = create_app(settings(tmp_path, nobody, nobody))

        async def fail() -> None:
            raise ZeroDivisionError

        app.add_api_route("/fail", fail)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://backend") as caller,
        ):
            assert (await caller.get("/fail")).status_code == 500
            assert (await samples(caller))["backend_http_requests_total", "GET", "/fail", "500"] == 1

    run(scenario())


def test_the_pool_and_the_process_are_measured(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            found = await samples(caller)
            assert found["backend_database_pool_connections", "busy"] == 0
            assert found["backend_database_pool_connections", "idle"] == 0
            assert found["backend_database_pool_limit",] == 5
            assert found["process_resident_memory_bytes",] > 1_000_000

    run(scenario())


@pytest.mark.parametrize("path", ["/metrics", "/backend/metrics"])
def test_the_gateway_which_is_open_hands_no_measurements_out(tmp_path: Path, path: str) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            answer = await caller.get("/metrics", headers={"X-Forwarded-Path": path})
            assert (answer.status_code, answer.text) == (404, "")

    run(scenario())
