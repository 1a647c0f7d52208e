"""What the page is told of the engine: where its list is later than its event, and where it goes and comes back."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from stack import docker
from stack.commands import status
from stack.errors import fail
from stack.output.result import Result
from stack.ui import streams, watch
from stack.ui.hub import Hub
from stack.ui.watch import Watch

LABELS = {"com.docker.compose.service": "web", "com.docker.compose.container-number": "1"}
DIED = {"Action": "die", "Actor": {"Attributes": LABELS}, "timeNano": 1}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the engine says of the service, one after another and then the last for ever; None where it is away. Its
    first stream of events ends at once after one, the next does not."""
    says: list[Any] = []
    streamed: list[int] = []

    def of(*_: Any, **__: Any) -> Result:
        state = says.pop(0) if len(says) > 1 else says[0]
        if state is None:
            raise fail("docker", "no engine answers")
        return Result({"project": "p", "services": [{"name": "web", "state": state}]})

    async def events(*_: Any) -> AsyncGenerator[dict[str, Any]]:
        streamed.append(1)
        yield {}
        yield DIED
        if len(streamed) > 1:
            await asyncio.Event().wait()

    monkeypatch.setattr(status, "of", of)
    monkeypatch.setattr(status, "drawn_up", lambda root: (None, []))
    monkeypatch.setattr(docker, "containers", lambda project: [])
    monkeypatch.setattr(streams, "events", events)
    monkeypatch.setattr(watch, "AGAIN_S", 0.01)
    return says


async def told(root: Path, kind: str, *wanted: Any) -> None:
    """Wait until the page is told each of these, in this order."""
    hub = Hub()
    tasks = Watch(root, hub).tasks()
    left = list(wanted)
    async with asyncio.timeout(60):
        async for news in hub.listen():
            for event in news.decode().split("\n\n"):
                name, _, data = event.removeprefix("event: ").partition("\ndata: ")
                found = json.loads(data) if name == kind else {}
                if found and left[0] in (found.get("answers"), found.get("services", [{}])[0].get("state")):
                    left.pop(0)
            if not left:
                break
    for task in tasks:
        task.cancel()


def test_it_looks_again_as_the_list_may_be_later_than_the_event(tmp_path: Path, engine: list[Any]) -> None:
    engine += ["running", "running", "exited (1)"]
    asyncio.run(told(tmp_path, "status", "running", "exited (1)"))


def test_it_tells_that_the_engine_went_and_that_it_is_back(tmp_path: Path, engine: list[Any]) -> None:
    engine += ["running", None, None, "running"]
    asyncio.run(told(tmp_path, "engine", True, False, True))
