"""The backend's page as a browser gets it."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support_backend import client, closed_port, http, listening, run, settings, write_plan


def page_of(tmp_path: Path, *services: dict[str, Any], query: str = "") -> str:
    found = []

    async def scenario() -> None:
        nobody = await closed_port()
        write_plan(tmp_path, *services)
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            found.append(await caller.get(f"/{query}", headers={"X-Forwarded-Path": "/backend/"}))

    run(scenario())
    assert found[0].headers["content-type"].startswith("text/html")
    text: str = found[0].text
    return text


def test_the_page_links_to_the_services_and_to_its_own_addresses_below_any_prefix(tmp_path: Path) -> None:
    text = page_of(tmp_path, {"name": "n8n", "about": "Workflows", "link": "http://localhost:63017/"})
    assert '<a href="http://localhost:63017/"' in text
    assert "Workflows" in text
    for own in ("health", "ready", "services", "openapi.json"):
        assert f'<a href="{own}">' in text


def test_the_page_escapes_what_it_shows_and_links_only_to_web_addresses(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>'
    text = page_of(
        tmp_path,
        {"name": evil, "about": evil, "source": evil, "link": f"http://x/{evil}"},
        {"name": "other", "link": "javascript:alert(1)"},
    )
    assert "<script" not in text
    assert "javascript:" not in text


def test_the_page_says_in_words_how_each_is_and_what_was_left_out(tmp_path: Path) -> None:
    told: dict[str, str] = {}

    async def scenario() -> None:
        nobody = await closed_port()
        async with (
            listening(http("204 Fine")) as fine,
            listening(http("401 Who")) as locked,
            listening(http("503 Not now")) as broken,
            client(settings(tmp_path, nobody, nobody)) as caller,
        ):
            ports = {"fine": fine, "locked": locked, "broken": broken, "gone": nobody}
            planned = [{"name": name, "url": f"http://127.0.0.1:{port}"} for name, port in ports.items()]
            write_plan(tmp_path, *planned, left_out=[{"name": "kong", "why": "no <image>"}])
            text = (await caller.get("/")).text
            told.update(re.findall(r"<td>([\w-]+) ?</td><td>.*?</td><td><i.*?</i>(.*?)</td>", text))
            assert "<title>2 of 5 answer · " in text
            assert "2 of 5 services answer; kong was left out." in text
            assert "no &lt;image&gt;" in text

    run(scenario())
    assert told == {
        "fine": "answers",
        "locked": "answers, and asks who you are",
        "broken": "answers with an error of its own (503)",
        "gone": "does not answer: connection refused",
        "kong": "left out",
        "Database": told["Database"],
        "Redis": "does not answer: connection refused",
    }


def test_the_page_looks_again_by_itself_only_if_asked_to(tmp_path: Path) -> None:
    assert 'http-equiv="refresh"' not in page_of(tmp_path)
    assert '<meta http-equiv="refresh" content="10">' in page_of(tmp_path, query="?again=1")


def test_the_page_loads_nothing_from_anywhere(tmp_path: Path) -> None:
    text = page_of(tmp_path)
    assert not any(word in text for word in ("src=", "@import", "url(", "<link", "http://", "https://"))


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/backend", "./backend/"),
        ("/a/b", "./b/"),
        ("//evil.example", "./evil.example/"),
        ("/x:y", "./x%3Ay/"),
    ],
)
def test_asked_without_a_final_slash_the_page_sends_there_so_that_its_links_hold(
    tmp_path: Path, asked: str, location: str
) -> None:
    async def scenario() -> None:
        nobody = await closed_port()
        async with client(settings(tmp_path, nobody, nobody)) as caller:
            answer = await caller.get("/", headers={"X-Forwarded-Path": asked})
            assert (answer.status_code, answer.headers["location"]) == (307, location)

    run(scenario())


@pytest.mark.parametrize("path", ["/", "/services"])
def test_asked_by_a_probe_it_does_not_probe_in_turn(tmp_path: Path, path: str) -> None:
    """The plan names the backend itself, whose page would otherwise ask itself without end."""
    asked = []

    async def scenario() -> None:
        async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await writer.drain()

        nobody = await closed_port()
        async with listening(note) as port, client(settings(tmp_path, nobody, nobody)) as caller:
            write_plan(tmp_path, {"name": "backend", "url": f"http://127.0.0.1:{port}"})
            await caller.get(path)
            (request,) = asked
            name, _, value = request.decode().split("X-Stack")[1].partition("\r\n")[0].partition(": ")
            answer = await caller.get(path, headers={f"X-Stack{name}": value})
            assert answer.status_code < 300
            assert len(asked) == 1

    run(scenario())
