"""The server's addresses, and who answers (stack/ui/__init__.py lists them)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from stack import client, docker
from stack.env import secrets
from stack.errors import USAGE, StackError
from stack.planning import remote, saving
from stack.ui import actions, dropped, levels, looking, streams
from stack.ui.access import Gate
from stack.ui.hub import Hub, sent
from stack.ui.jobs import Jobs
from stack.ui.watch import Watch

PAGE = Path(__file__).parent / "page"
TAIL = 10_000
"""Lines of a log that are shown."""
PAUSE_S = 0.1
"""Seconds for which lines of a log are collected, so that thousands a second come in ten pieces."""
MOST = 2_000
"""Lines in one piece."""


Pieces = asyncio.Queue[tuple[int, list[bytes]]]
"""Lines of a log, with the number of the container that they are of."""
END = (0, [b""])
"""What is in its place where nothing more is to be waited for."""
LEFT: list[bytes] = []
"""What a container's log ends with."""


class Server:
    """The application with what it holds while it runs."""

    def __init__(self, root: Path, token: str, read_only: bool) -> None:
        self.hub = Hub()
        self.watch = Watch(root, self.hub)
        self.jobs = Jobs(root, self.hub)
        self._root, self._read_only = root, read_only
        self._logs: set[Pieces] = set()
        self.app = Gate(Starlette(routes=self._routes(), lifespan=self._lifespan), token, read_only)

    def end(self) -> None:
        """Let go of every page that listens."""
        self.hub.end()
        for pieces in self._logs:
            while not pieces.empty():
                pieces.get_nowait()
            pieces.put_nowait(END)

    def _routes(self) -> list[Route | Mount]:
        return [
            Route("/", _index),
            Mount("/page", StaticFiles(directory=PAGE)),
            Route("/api/stream", self._stream),
            Route("/api/service/{name}", _answering(self._service)),
            Route("/api/sizes", _answering(self._sizes)),
            Route("/api/doctor", _answering(self._doctor)),
            Route("/api/log/{name}", self._log),
            Route("/api/preview", _answering(self._preview), methods=["POST"]),
            Route("/api/do", _answering(self._do), methods=["POST"]),
            Route("/api/dropped", _answering(self._dropped), methods=["POST"]),
            Route("/api/stop", _answering(self._stop), methods=["POST"]),
        ]

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        elsewhere = remote.host(client.endpoint())
        self.hub.publish("server", {"read_only": self._read_only, "root": str(self._root), "engine": elsewhere})
        tasks = self.watch.tasks()
        for task in tasks:
            task.add_done_callback(_failed)
        yield
        for task in tasks:
            task.cancel()
        await self.jobs.end()
        dropped.forget(self._root)

    async def _stream(self, _: Request) -> Response:
        return StreamingResponse(self.hub.listen(), media_type="text/event-stream")

    async def _service(self, request: Request) -> Any:
        planned = await self.watch.plan()
        return await self.watch.thread(looking.service, self._root, planned, request.path_params["name"])

    async def _sizes(self, _: Request) -> Any:
        # Not in turn with the others: the engine is at it, not this processor.
        return await asyncio.to_thread(looking.sizes, await self.watch.plan())

    async def _doctor(self, _: Request) -> Any:
        return await asyncio.to_thread(looking.doctor)

    async def _preview(self, request: Request) -> Any:
        return await self.watch.thread(actions.preview, self._root, actions.read(await request.body()))

    async def _do(self, request: Request) -> Any:
        action = actions.read(await request.body())
        await self.watch.thread(actions.check, self._root, action)
        return self.jobs.begin(action.title(), action.steps(), actions.after(action))

    async def _dropped(self, request: Request) -> Any:
        return await asyncio.to_thread(dropped.keep, self._root, await request.body())

    async def _stop(self, _: Request) -> Any:
        self.jobs.stop()
        return {}

    async def _log(self, request: Request) -> Response:
        try:
            planned = await self.watch.plan()
            project, hide = planned.plan.project, secrets.hider(saving.secret_values(planned.checkout).values())
            found = await asyncio.to_thread(docker.containers, project)
            mine = [c.id for c in found if c.service == request.path_params["name"] and not c.one_off]
            rows = await asyncio.to_thread(docker.inspected, "containers", mine)
        except StackError as error:
            return _refused(error)
        ttys = {row["Id"]: bool(row["Config"].get("Tty")) for row in rows}
        return StreamingResponse(self._lines(ttys, hide), media_type="text/event-stream")

    async def _lines(self, ttys: dict[str, bool], hide: Callable[[str], str]) -> AsyncIterator[bytes]:
        """The logs of a service's containers as server-sent events: the lines that are there, and those to come."""
        pieces = Pieces(20)
        readers = [asyncio.create_task(_read(one, at, tty, pieces)) for at, (one, tty) in enumerate(ttys.items(), 1)]
        self._logs.add(pieces)
        try:
            yield b"retry: 2000\n\n" + sent("begin", {"containers": len(ttys)})
            left = len(readers)
            while left:
                number, lines = await pieces.get()
                if not number:
                    return
                left -= lines is LEFT
                for at in range(0, len(lines), MOST):
                    rows = [_row(number, line) for line in lines[at : at + MOST]]
                    yield b"event: lines\ndata: " + hide(msgspec.json.encode(rows).decode()).encode() + b"\n\n"
            yield sent("end", {})
        finally:
            self._logs.discard(pieces)
            for reader in readers:
                reader.cancel()


def _failed(task: "asyncio.Task[None]") -> None:
    """A watcher that ends by a mistake of ours is not silent."""
    if not task.cancelled() and (error := task.exception()):
        import traceback

        traceback.print_exception(error)


def _answering(answer: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    """An answer in JSON; of what could not be done the problems."""

    async def respond(request: Request) -> Response:
        try:
            return Response(msgspec.json.encode(await answer(request)), media_type="application/json")
        except StackError as error:
            return _refused(error)

    return respond


def _refused(error: StackError) -> Response:
    busy = any(problem.code == "busy" for problem in error.problems)
    status = 400 if error.exit_code == USAGE else 409 if busy else 422
    return Response(msgspec.json.encode({"problems": error.problems}), status, media_type="application/json")


async def _index(_: Request) -> Response:
    return FileResponse(PAGE / "index.html")


async def _read(container: str, number: int, tty: bool, pieces: Pieces) -> None:
    """One container's log, collected for a moment at a time, to its end."""
    try:
        async with contextlib.aclosing(streams.log(container, TAIL, tty)) as log:
            async for lines in log:
                await pieces.put((number, lines))
                await asyncio.sleep(PAUSE_S)
    except StackError as error:
        await pieces.put((number, [error.problems[0].message.encode()]))
    await pieces.put((number, LEFT))


def _row(number: int, line: bytes) -> list[Any]:
    """A line: its time, which container it is of, its level, its text, of which what is too long is left out."""
    whole = len(line)
    text = line[: streams.LONGEST].decode(errors="replace").rstrip("\r")
    at, space, said = text.partition(" ")
    at, said = (at, said) if space and at[:4].isdigit() and at.endswith("Z") else ("", text)
    if whole > streams.LONGEST:
        said += f" … ({whole - streams.LONGEST:,} bytes more: docker compose logs has them)"
    return [at, number, levels.of(said), said]
