"""Asks other programs whether they answer, each within a time limit."""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable
from urllib.parse import SplitResult, urlsplit

import asyncpg
from pydantic import BaseModel
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError

# A page of ours that is asked by a probe must not probe in turn: two such pages would never come to rest.
PROBE_HEADER = "X-Stack-Probe"
PORTS = {"http": 80, "https": 443, "postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379}


class NoAnswerError(Exception):
    """A probe's finding in words of our own, so that they may be shown."""


# What a program that is away, or is not the one expected, leads to. Anything else is a bug of ours.
FAILURES = (NoAnswerError, OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, RedisError)


class Answer(BaseModel):
    """What a probe found: whether there was an answer, after how many milliseconds, and what it was."""

    ok: bool
    latency_ms: float
    detail: str


async def timed(probe: Awaitable[str], limit: float) -> Answer:
    """Runs a probe for at most `limit` seconds; what makes it fail becomes an answer with ok false."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(limit):
            detail, ok = await probe, True
    except FAILURES as error:
        detail, ok = reason(error, limit), False
    return Answer(ok=ok, latency_ms=round((time.perf_counter() - started) * 1000, 2), detail=detail)


async def database(pool: asyncpg.Pool) -> str:
    """One round trip to PostgreSQL on a pooled connection."""
    async with pool.acquire() as connection:
        try:
            await connection.fetchval("SELECT 1")
        except BaseException:
            # Given back as it is, it would first wait for the server to confirm the end of the query.
            connection.terminate()
            raise
    return "answers queries"


async def redis(client: Redis) -> str:
    """One round trip to Redis on a pooled connection."""
    await client.ping()
    return "answers PING"


async def address(url: str) -> str:
    """An http or https address by a GET, on which any status is an answer; any other by a TCP connection.
    Raises NoAnswerError on an address without host, or without port where the scheme has no usual one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        host = port = None
    if not host or not port:
        raise NoAnswerError("its address has no host or no port")
    if parts.scheme in ("http", "https"):
        return await _get(parts, host, port)
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    return "accepts connections"


async def _get(parts: SplitResult, host: str, port: int) -> str:
    tls = _any_certificate() if parts.scheme == "https" else None
    reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {
            "Host": parts.netloc.rpartition("@")[2],
            "User-Agent": "genai-stack-backend",
            "Accept": "*/*",
            PROBE_HEADER: "1",
            "Connection": "close",
        }
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        await writer.drain()
        version, _, rest = (await reader.readline()).partition(b" ")
        if not version.startswith(b"HTTP/") or not rest[:3].isdigit():
            raise NoAnswerError("answers, but not in HTTP")
        return f"HTTP {rest[:3].decode()}"
    finally:
        writer.close()


def _any_certificate() -> ssl.SSLContext:
    # The question is whether something answers; nothing confidential is sent.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def reason(error: BaseException, limit: float) -> str:
    """Why there was no answer, in words without credentials: the text of most exceptions may quote them
    (an old Redis repeats the arguments of a command that it does not know), PostgreSQL's own does not."""
    if isinstance(error, TimeoutError):
        return f"no answer within {limit:g} s"
    if isinstance(error, NoAnswerError | asyncpg.PostgresError):
        return str(error)
    if isinstance(error, AuthenticationError):
        return "password refused"
    cause: BaseException | None = error
    for _ in range(5):
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        if isinstance(cause, socket.gaierror):
            return "no such host"
        cause = cause and (cause.__cause__ or cause.__context__)
    return type(error).__name__
