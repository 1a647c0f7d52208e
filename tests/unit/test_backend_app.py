"""The backend as a caller sees it."""

import asyncio
import json
import logging
from pathlib import Path

import pytest
from app import health
from app.logs import JsonFormatter
from app.settings import Settings, SettingsError
from app.shared import Shared

from tests.support_backend import (
    PASSWORD,
    Handler,
    client,
    closed_port,
    http,
    listening,
    redis,
    run,
    settings,
    silent,
    stuck_postgres,
    write_plan,
)


def test_it_is_live_while_the_database_and_redis_are_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            answer = await caller.get("/health")
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    run(scenario())


def test_not_ready_names_what_does_not_answer_and_why_without_its_password(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            answer = await caller.get("/ready")
            body = answer.json()
            assert answer.status_code == 503
            assert body["failing"] == ["database", "redis"]
            assert body["checks"]["redis"]["detail"] == "connection refused"
            assert body["checks"]["database"]["detail"] == "connection refused"
            assert PASSWORD not in answer.text

    run(scenario())


def test_two_hundred_who_ask_at_once_are_one_question_and_hear_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pings = []

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pings.append(1)
        await redis(reader, writer)

    async def scenario(seconds: float) -> None:
        monkeypatch.setattr(health, "KEPT", seconds)
        async with (
            listening(counting) as cache,
            client(settings(tmp_path, await closed_port(), cache)) as caller,
        ):
            together = await asyncio.gather(*(caller.get("/ready") for _ in range(200)))
            after = await caller.get("/ready")
            for answer in (*together, after):
                assert answer.json()["failing"] == ["database"]
            times = {answer.json()["checks"]["redis"]["latency_ms"] for answer in together}
            assert len(times) == 1
            again = after.json()["checks"]["redis"]["latency_ms"] not in times
            assert again is (seconds == 0)
        assert len(pings) == 1

    run(scenario(60.0))
    pings.clear()
    run(scenario(0.0))


def test_one_who_asks_for_readiness_and_goes_takes_nobody_along(tmp_path: Path) -> None:
    async def scenario() -> None:
        shared = Shared[int](60.0)
        going, heard = asyncio.Event(), asyncio.Event()

        async def ask() -> int:
            going.set()
            await heard.wait()
            return 7

        first = asyncio.create_task(shared.get(ask))
        await going.wait()
        second = asyncio.create_task(shared.get(ask))
        first.cancel()
        heard.set()
        assert await second == 7

    run(scenario())


def test_a_slash_too_many_is_no_redirect_to_a_name_that_no_browser_knows(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            for path in ("/health/", "/ready/", "/services/", "/documents/", "/metrics/"):
                assert (await caller.get(path)).status_code == 404, path
            schema = (await caller.get("/openapi.json")).json()
            for path in schema["paths"]:
                answer = await caller.get(f"{path}/".replace("//", "/"))
                assert "backend" not in answer.headers.get("location", ""), path
                assert not answer.headers.get("location", "").startswith("http"), path

    run(scenario())


def test_what_answers_is_told_apart_from_what_does_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            listening(redis) as cache,
            client(settings(tmp_path, await closed_port(), cache)) as caller,
        ):
            body = (await caller.get("/ready")).json()
            assert body["failing"] == ["database"]
            assert body["checks"]["redis"]["ok"] is True
            assert body["checks"]["redis"]["latency_ms"] > 0

    run(scenario())


@pytest.mark.parametrize("database", [silent, stuck_postgres])
def test_a_database_that_takes_connections_and_never_answers_ends_the_wait(tmp_path: Path, database: Handler) -> None:
    async def scenario() -> None:
        async with (
            listening(database) as stuck,
            listening(silent) as cache,
            client(settings(tmp_path, stuck, cache, limit=0.1)) as caller,
        ):
            for _ in range(7):  # more often than the pool has connections
                checks = (await caller.get("/ready")).json()["checks"]
                assert checks["database"]["detail"] == "no answer within 0.1 s"
                assert checks["redis"]["detail"] == "no answer within 0.1 s"

    run(scenario())


def test_services_tells_of_each_planned_service_whether_it_answers(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        async with (
            listening(http("500 Oops")) as failing,
            listening(silent) as tcp,
            client(settings(tmp_path, nobody, nobody)) as caller,
        ):
            write_plan(
                tmp_path,
                {
                    "name": "web",
                    "about": "a page",
                    "source": "build",
                    "url": f"http://127.0.0.1:{failing}/x?y=1",
                },
                {"name": "db", "url": f"postgresql://127.0.0.1:{tcp}", "link": None, "containers": ["db"]},
                {"name": "gone", "url": f"redis://127.0.0.1:{nobody}"},
                {"name": "nowhere", "url": "http://no-such-host.invalid"},
                {"name": "job", "url": None},
                {"name": "odd", "url": "http://127.0.0.1:99999"},
            )
            answer = await caller.get("/services")
            states = {state["name"]: state for state in answer.json()["services"]}
            told = {name: state["answer"] and state["answer"]["detail"] for name, state in states.items()}
            assert answer.status_code == 200
            assert told == {
                "web": "HTTP 500",
                "db": "accepts connections",
                "gone": "connection refused",
                "nowhere": "no such host",
                "job": None,
                "odd": "its address has no host or no port",
            }
            assert [name for name, s in states.items() if s["answer"] and s["answer"]["ok"]] == ["web", "db"]
            assert states["web"]["source"] == "build"

    run(scenario())


def test_services_are_asked_all_at_once(tmp_path: Path) -> None:
    """Each answers only when all have been asked."""

    async def scenario() -> None:
        everyone = asyncio.Barrier(20)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await everyone.wait()
            await http("204 Fine")(reader, writer)

        nobody = await closed_port()
        async with listening(answer) as port, client(settings(tmp_path, nobody, nobody)) as caller:
            write_plan(tmp_path, *({"name": f"s{i}", "url": f"http://127.0.0.1:{port}"} for i in range(20)))
            states = (await caller.get("/services")).json()["services"]
            assert [state["answer"]["detail"] for state in states] == ["HTTP 204"] * 20

    run(scenario())


def test_a_service_that_never_answers_or_talks_no_http_holds_nothing_up(tmp_path: Path) -> None:
    async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ready\r\n")
        await writer.drain()
        await reader.read(-1)

    async def scenario() -> None:
        nobody = await closed_port()
        async with (
            listening(silent) as stuck,
            listening(chatter) as mail,
            client(settings(tmp_path, nobody, nobody, limit=0.1)) as caller,
        ):
            write_plan(
                tmp_path,
                {"name": "stuck", "url": f"http://127.0.0.1:{stuck}"},
                {"name": "mail", "url": f"http://127.0.0.1:{mail}"},
            )
            states = (await caller.get("/services")).json()["services"]
            details = [state["answer"]["detail"] for state in states]
            assert details == ["no answer within 0.1 s", "answers, but not in HTTP"]

    run(scenario())


def test_the_plan_is_read_anew_for_each_request(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            for name in ("first", "second"):
                write_plan(tmp_path, {"name": name})
                assert [s["name"] for s in (await caller.get("/services")).json()["services"]] == [name]

    run(scenario())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "can't be read: No such file"),
        ("{", "can't be used"),
        ('{"version": 2, "project": "p", "services": []}', "version: Input should be 1"),
        ('{"version": 1, "project": "p", "services": [{}]}', "services.0.name"),
    ],
)
def test_a_plan_that_cannot_be_used_is_told_and_no_error_of_the_server(
    tmp_path: Path, content: str | None, told: str
) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        if content is not None:
            (tmp_path / "plan.json").write_text(content)
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            answer, page = await caller.get("/services"), await caller.get("/")
            assert answer.status_code == 503
            assert told in answer.json()["problem"]
            assert page.status_code == 200
            assert told.partition(":")[0].replace("'", "&#x27;") in page.text

    run(scenario())


def test_a_request_is_logged_with_its_correlation_id_and_without_its_query(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            await caller.get("/openapi.json?apikey=s3cret", headers={"X-Correlation-ID": "abc-1"})

    with caplog.at_level(logging.INFO, "app.access"):
        run(scenario())
    (line,) = [json.loads(JsonFormatter().format(r)) for r in caplog.records if r.name == "app.access"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/openapi.json", 200)
    assert line["correlation_id"] == "abc-1"
    assert "s3cret" not in str(line)


GOOD = {
    "DATABASE_URL": f"postgresql://app:{PASSWORD}@supabase-db:5432/postgres",
    "REDIS_URL": f"redis://default:{PASSWORD}@redis:6379/3",
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"REDIS_URL": f"http://default:{PASSWORD}@redis"}, "REDIS_URL is not an address"),
        (
            {"REDIS_URL": f"redis://default:{PASSWORD[:4]}/{PASSWORD}@redis:6379"},
            "REDIS_URL is not an address",
        ),
        ({"DATABASE_URL": f"postgresql://app:{PASSWORD}@:5432/x"}, "DATABASE_URL is not an address"),
    ],
)
def test_an_unusable_environment_is_told_by_the_name_of_the_variable_alone(
    changes: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        Settings.from_env(GOOD | changes)
    assert PASSWORD not in str(caught.value)


def test_settings_keep_addresses_out_of_their_representation() -> None:
    assert PASSWORD not in repr(Settings.from_env(GOOD))
