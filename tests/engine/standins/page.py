"""A page behind the gateway that says which container it is, and takes its time, so that some requests are under way at
every moment. Asked to end, it answers what it began, as uvicorn does. Also what is not over in a moment: an upload, a
stream of events of which each waits until the one before has arrived, and a connection that carries both ways."""

import asyncio
import base64
import contextlib
import hashlib
import signal
import socket

EVENTS = 1000
arrived = asyncio.Semaphore(0)
idle: set[asyncio.StreamWriter] = set()
busy: set[asyncio.Task[None]] = set()


async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The requests of one connection."""
    task = asyncio.current_task()
    assert task is not None
    busy.add(task)
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while not writer.is_closing():
            idle.add(writer)
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            idle.discard(writer)
            first, *lines = head.split("\r\n")
            path = first.split()[1]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            if path == "/events":
                await events(writer)
            elif path == "/both":
                await both(headers["sec-websocket-key"], reader, writer)
            else:
                await plain(path, await sent(reader, headers), writer)
            if headers.get("connection", "").lower() == "close" or first.endswith("1.0"):
                break
    idle.discard(writer)
    busy.discard(task)
    writer.close()


async def sent(reader: asyncio.StreamReader, headers: dict[str, str]) -> int:
    """The length of a request's body, read to its end."""
    total = left = int(headers.get("content-length") or 0)
    while left:
        left -= len(await reader.read(left)) or left
    return total


async def plain(path: str, length: int, writer: asyncio.StreamWriter) -> None:
    said = socket.gethostname().encode()
    if path == "/arrived":
        arrived.release()
    elif path == "/upload":
        said = b"%d" % length
    elif path == "/":
        await asyncio.sleep(0.2)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
    await writer.drain()


async def events(writer: asyncio.StreamWriter) -> None:
    """Each event is sent once the one before has arrived: where something on the way keeps it, there is no next."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for number in range(EVENTS):
        event = b"data: %d\n\n" % number
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))
        await writer.drain()
        await arrived.acquire()
    writer.write(b"0\r\n\r\n")


async def both(key: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A websocket's beginning (RFC 6455, 1.3); then what comes goes back, until the other end is done."""
    accepted = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                 b"Sec-WebSocket-Accept: %s\r\n\r\n" % accepted)  # fmt: skip
    while data := await reader.read(4096):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main() -> None:
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    server = await asyncio.start_server(served, "", 8080, backlog=256)
    await over.wait()
    server.close()
    for writer in idle:
        writer.close()
    if busy:
        await asyncio.wait(busy, timeout=5)


if __name__ == "__main__":
    asyncio.run(main())
