"""The backend application in the test's own process, and listeners on real sockets for what it asks."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from app.main import create_app
from app.settings import Settings

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PASSWORD = "hunter2hunter2"
SAFETY = 30  # seconds, for a test that would otherwise never end


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    """A TCP server on a free port of 127.0.0.1."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()


async def closed_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    async with listening(silent) as port:
        return port


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts, reads, and never answers."""
    await reader.read(-1)


def http(status: str) -> Handler:
    """A server that gives every request this status."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    return answer


async def redis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A Redis that knows PING, and takes the client's greetings."""
    while line := await reader.readline():
        words = []
        for _ in range(int(line[1:])):
            size = int((await reader.readline())[1:])
            words.append((await reader.readexactly(size + 2))[:-2].upper())
        hello = b"%1\r\n$5\r\nproto\r\n:3\r\n"
        writer.write({b"PING": b"+PONG\r\n", b"HELLO": hello}.get(words[0], b"+OK\r\n"))
        await writer.drain()


async def stuck_postgres(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A PostgreSQL that signs everyone in and then answers no query."""
    size = int.from_bytes(await reader.readexactly(4), "big")
    if size == 8:  # asks for TLS first
        await reader.readexactly(4)
        writer.write(b"N")
        size = int.from_bytes(await reader.readexactly(4), "big")
    await reader.readexactly(size - 4)
    version = b"server_version\x0015.0\x00"
    writer.write(b"R" + (8).to_bytes(4, "big") + bytes(4))
    writer.write(b"S" + (4 + len(version)).to_bytes(4, "big") + version)
    writer.write(b"Z" + (5).to_bytes(4, "big") + b"I")
    await writer.drain()
    await reader.read(-1)


def settings(tmp_path: Path, database: int, cache: int, limit: float = SAFETY, otlp_endpoint: str = "") -> Settings:
    return Settings(
        database_url=f"postgresql://app:{PASSWORD}@127.0.0.1:{database}/postgres",
        redis_url=f"redis://default:{PASSWORD}@127.0.0.1:{cache}/3",
        plan_file=tmp_path / "plan.json",
        connections_file=tmp_path / "connections.json",
        ready_limit=limit,
        probe_limit=limit,
        talk_limit=limit,
        otlp_endpoint=otlp_endpoint,
    )


@asynccontextmanager
async def client(chosen: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of the running application."""
    app = create_app(chosen)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://backend") as caller,
    ):
        yield caller


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, SAFETY))


def write_plan(tmp_path: Path, *services: dict[str, Any], **more: Any) -> None:
    plan = {"version": 1, "project": "genai", "services": services, **more}
    (tmp_path / "plan.json").write_text(json.dumps(plan))


def connect(tmp_path: Path, **addresses: str) -> None:
    """What the application is told now: `RABBITMQ_URL`, `ELASTICSEARCH_URL`."""
    (tmp_path / "connections.json").write_text(json.dumps(addresses))
