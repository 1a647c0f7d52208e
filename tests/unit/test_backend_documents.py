"""Keeping and finding documents, with a stand-in for Elasticsearch; messages while there is no RabbitMQ.

Messages with a real RabbitMQ are in tests/engine/test_systems.py."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from tests.standins.elasticsearch import searching
from tests.support_backend import (
    PASSWORD,
    client,
    closed_port,
    connect,
    http,
    listening,
    run,
    settings,
    silent,
    write_plan,
)

SEARCH, QUEUE = {"name": "elasticsearch"}, {"name": "rabbitmq"}


def test_a_document_that_was_kept_is_found_by_its_words(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        write_plan(tmp_path, SEARCH)
        with searching(PASSWORD) as port:
            connect(tmp_path, ELASTICSEARCH_URL=f"http://elastic:{PASSWORD}@127.0.0.1:{port}")
            async with client(settings(tmp_path, nobody, nobody)) as caller:
                assert (await caller.get("/documents?q=fox")).json() == []
                fox = {"title": "Animals", "text": "The quick brown fox"}
                assert (await caller.put("/documents/b é %3F%25", json=fox)).status_code == 201
                assert (await caller.put("/documents/other", json={"title": "Fish", "text": "slow"})).status_code == 201
                assert (await caller.put("/documents/other", json={"title": "Fish", "text": ""})).status_code == 200
                [found] = (await caller.get("/documents", params={"q": "fox"})).json()
                assert found == {"name": "b é ?%", "score": 1.0, "document": fox}

    run(scenario())


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("GET", "/documents?q=a", "The stack runs without elasticsearch; inv up --profile search adds it."),
        ("PUT", "/documents/a", "The stack runs without elasticsearch; inv up --profile search adds it."),
        ("GET", "/messages", "The stack runs without rabbitmq; inv up --profile messaging adds it."),
        ("POST", "/messages", "The stack runs without rabbitmq; inv up --profile messaging adds it."),
    ],
)
def test_without_the_system_the_answer_says_how_it_comes_in(tmp_path: Path, method: str, path: str, told: str) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        write_plan(tmp_path)
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            answer = await caller.request(method, path, json={"title": "t", "text": "x"})
            assert (answer.status_code, answer.json()) == (503, {"detail": told})

    run(scenario())


@pytest.mark.parametrize(("path", "name"), [("/documents?q=a", "Elasticsearch"), ("/messages", "RabbitMQ")])
def test_a_system_that_is_away_is_told_without_its_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str, name: str
) -> None:
    async def scenario() -> None:
        caplog.set_level(logging.DEBUG)
        write_plan(tmp_path, SEARCH, QUEUE)
        nobody = await closed_port()
        async with listening(silent) as stuck:
            told = []
            for port in (nobody, stuck):
                urls = {
                    "ELASTICSEARCH_URL": f"http://elastic:{PASSWORD}@127.0.0.1:{port}",
                    "RABBITMQ_URL": f"amqp://stack:{PASSWORD}@127.0.0.1:{port}/",
                }
                connect(tmp_path, **urls)
                async with client(settings(tmp_path, nobody, nobody, limit=0.2)) as caller:
                    answer = await caller.get(path)
                    assert answer.status_code == 503
                    told.append(answer.json()["detail"])
        assert told == [f"{name}: connection refused.", f"{name}: no answer within 0.2 s."]
        assert PASSWORD not in caplog.text

    run(scenario())


def test_what_elasticsearch_refuses_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        write_plan(tmp_path, SEARCH)
        async with listening(http("401 Unauthorized")) as port:
            connect(tmp_path, ELASTICSEARCH_URL=f"http://elastic:{PASSWORD}@127.0.0.1:{port}")
            async with client(settings(tmp_path, nobody, nobody)) as caller:
                answer = await caller.get("/documents?q=a")
                assert (answer.status_code, answer.json()) == (503, {"detail": "Elasticsearch answers HTTP 401."})

    run(scenario())


def test_a_password_that_comes_or_changes_is_used_by_the_next_request(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        write_plan(tmp_path, SEARCH)
        with searching(PASSWORD) as port:
            async with client(settings(tmp_path, nobody, nobody)) as caller:
                told = [(await caller.get("/documents?q=a")).json()]
                for password in ("another", PASSWORD):
                    connect(tmp_path, ELASTICSEARCH_URL=f"http://elastic:{password}@127.0.0.1:{port}")
                    told.append((await caller.get("/documents?q=a")).json())
        missing = f"Elasticsearch: {tmp_path}/connections.json can't be read: No such file or directory."
        assert told == [{"detail": missing}, {"detail": "Elasticsearch answers HTTP 401."}, []]

    run(scenario())


@pytest.mark.parametrize("queue", ["", f"http://stack:{PASSWORD}@rabbitmq", f"amqp://stack:{PASSWORD}@"])
def test_a_connection_that_cannot_be_used_is_told_without_its_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, queue: str
) -> None:
    async def scenario() -> None:
        caplog.set_level(logging.DEBUG)
        nobody = await closed_port()
        write_plan(tmp_path, QUEUE)
        connect(tmp_path, RABBITMQ_URL=queue)
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            answer = await caller.get("/messages")
            assert answer.status_code == 503
            assert answer.json()["detail"].startswith("RabbitMQ: RABBITMQ_URL is not ")
            (tmp_path / "connections.json").write_text(f'{{"RABBITMQ_URL": "{PASSWORD}')
            broken = await caller.get("/messages")
            assert broken.json()["detail"] == f"RabbitMQ: {tmp_path}/connections.json can't be used."
            assert PASSWORD not in answer.text + caplog.text

    run(scenario())


def test_an_address_of_the_environment_takes_the_place_of_the_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        write_plan(tmp_path, SEARCH)
        with searching(PASSWORD) as port:
            found = settings(tmp_path, nobody, nobody)
            own = replace(found, elasticsearch_url=f"http://elastic:{PASSWORD}@127.0.0.1:{port}")
            async with client(own) as caller:
                assert (await caller.get("/documents?q=a")).json() == []

    run(scenario())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/messages", {"text": ""}),
        ("/messages", {"text": "x" * 10_001}),
        ("/documents/a", {"title": "", "text": "x"}),
        ("/documents/a", {"title": "t", "text": "x" * 100_001}),
    ],
)
def test_what_is_empty_or_too_long_is_refused_before_anything_is_asked(
    tmp_path: Path, path: str, body: dict[str, str]
) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        write_plan(tmp_path, SEARCH, QUEUE)
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            method = "PUT" if path.startswith("/documents") else "POST"
            assert (await caller.request(method, path, json=body)).status_code == 422

    run(scenario())
