#!/usr/bin/python3
"""Stands for Kong, in the part that a reload touches: `kong docker-start` is a master process and its workers, which
share their sockets as nginx's do; `kong config parse FILE` refuses a file; `kong reload` has new workers answer by the
new file, while the old ones end what they are at and take nothing more. Routes go by path, longest first. As Kong does,
it goes by an answer of the DNS for KONG_DNS_VALID_TTL seconds, takes a name's addresses in turn, and tries the next
where one lets nobody in or answers nothing (of a GET, which is all that the tests send). An upstream leaves an address
alone that let nobody in. It is no measure of Kong itself."""

import asyncio
import os
import pathlib
import signal
import socket
import sys
import time
from typing import Any

import yaml

CONFIG = os.environ.get("KONG_DECLARATIVE_CONFIG", "")
PID = pathlib.Path(os.environ.get("KONG_PREFIX", "/tmp")) / "nginx.pid"
WORKERS = int(os.environ.get("KONG_NGINX_WORKER_PROCESSES", "2"))
KEPT = float(os.environ.get("KONG_DNS_VALID_TTL", "0"))
CONNECT, TRIES = 2.0, 6
"""Seconds for a connection, and how many addresses are tried: connect_timeout of kong/kong.yml, and Kong's retries."""
STATUS, PROXY, TLS = 8100, 8000, 8443
LISTS = {"cors": "origins", "acl": "allow"}
"""Of each plugin, a field that Kong's schema says is a list."""

Route = tuple[str, bool, str, bool]
"""A path's beginning, whether it is cut off, the URL that it leads to, and whether an upstream stands between."""


def routes(path: str) -> list[Route]:
    """The routes of a file. Raises ValueError for what Kong would refuse."""
    try:
        document: dict[str, Any] = yaml.safe_load(pathlib.Path(path).read_text())
        if document["_format_version"] != "3.0":
            raise ValueError("_format_version")
        found: list[Route] = []
        upstreams = {one["name"]: one["targets"][0]["target"] for one in document.get("upstreams") or []}
        for service in document.get("services") or []:
            for plugin in service.get("plugins") or []:
                wrong = [field for field, value in (plugin.get("config") or {}).items()
                         if field == LISTS.get(plugin["name"]) and not isinstance(value, list)]  # fmt: skip
                if wrong:
                    raise ValueError(f"in '{wrong[0]}': expected a set")
                if "no Lua" in (plugin.get("config") or {}).get("access", []):
                    raise ValueError("in 'access': error parsing function")
            balanced = upstreams.get(service["url"].partition("://")[2].partition(":")[0])
            address = f"http://{balanced}" if balanced else service["url"]
            for route in service["routes"]:
                plain = [path for path in route.get("paths") or [] if path.startswith("/")]
                found += [(path, route.get("strip_path", True), address, bool(balanced)) for path in plain]
    except (OSError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise ValueError(str(error)) from None
    return sorted(found, key=lambda route: -len(route[0]))


async def answer(table: list[Route], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request, led to its upstream: 404 where no route takes it, 502 where the upstream does not answer."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        met = next((route for route in table if path.startswith(route[0])), None)
        writer.write(await led(method, path, met) if met else status("404 Not Found"))
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        writer.write(status("502 Bad Gateway"))
    finally:
        writer.close()


async def led(method: str, path: str, route: Route) -> bytes:
    """What the upstream answers, whole, at one of its addresses."""
    beginning, stripped, url, balanced = route
    host, _, port = url.removeprefix("http://").partition(":")
    rest = f"/{path.removeprefix(beginning)}" if stripped else path
    request = f"{method} {rest} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    whole = await asked(host, int(port), request, balanced)
    first, _, more = whole.partition(b"\r\n")
    return first + f"\r\nX-Worker: {os.getpid()}\r\n".encode() + more


known: dict[str, tuple[float, list[str]]] = {}
"""Of each name, until when its addresses hold; they are taken in turn."""


async def asked(host: str, port: int, request: bytes, leave: bool) -> bytes:
    """What one of the addresses of a name answers. Raises OSError where none does."""
    until, addresses = known.get(host, (0.0, []))
    if time.monotonic() >= until:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        known[host] = (time.monotonic() + KEPT, addresses := [str(one[4][0]) for one in found])
    for _ in range(TRIES):
        if not addresses:
            break
        addresses.append(address := addresses.pop(0))
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), CONNECT)
            writer.write(request)
            whole = await reader.read()
            writer.close()
        except OSError:
            whole = b""
        if whole:
            return whole
        if leave and address in addresses:
            addresses.remove(address)
    raise OSError(f"nobody at {host}")


def status(line: str) -> bytes:
    return f"HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


async def work(sockets: dict[int, socket.socket], table: list[Route]) -> None:
    """A worker: accepts until it is asked to quit, then ends what it began."""
    quitting = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, quitting.set)

    async def ready(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A question that was not read when the connection closes would reset it, answer and all.
        await reader.readuntil(b"\r\n\r\n")
        writer.write(status("200 OK"))
        await writer.drain()
        writer.close()

    async def proxied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(table, reader, writer)

    # No TLS is spoken: what counts is that the port is taken.
    servers = [await asyncio.start_server(proxied, sock=sockets[PROXY]),
               await asyncio.start_server(proxied, sock=sockets[TLS]),
               await asyncio.start_server(ready, sock=sockets[STATUS])]  # fmt: skip
    await quitting.wait()
    for server in servers:
        server.close()
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(left)


def start(sockets: dict[int, socket.socket], table: list[Route]) -> set[int]:
    """Fork the workers; gives their process ids."""
    made = set()
    for _ in range(WORKERS):
        child = os.fork()
        if child == 0:
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            asyncio.run(work(sockets, table))
            os._exit(0)
        made.add(child)
    return made


def master() -> None:
    """Hold the sockets; new workers on SIGHUP, the end on SIGTERM. A broken file changes nothing."""
    heard = (signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD)
    signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    sockets = {port: socket.create_server(("0.0.0.0", port), backlog=511) for port in (PROXY, TLS, STATUS)}
    for sock in sockets.values():
        sock.setblocking(False)
    workers = start(sockets, routes(CONFIG))
    PID.parent.mkdir(exist_ok=True)
    PID.write_text(str(os.getpid()))
    while (number := signal.sigwait(heard)) != signal.SIGTERM:
        if number == signal.SIGHUP:
            try:
                table = routes(CONFIG)
            except ValueError as error:
                print(f"reload: {error}", file=sys.stderr)
                continue
            old, workers = workers, start(sockets, table)
            for child in old:
                os.kill(child, signal.SIGTERM)
        while ended():
            pass
    for child in workers:
        os.kill(child, signal.SIGTERM)


def ended() -> bool:
    """Whether another worker has ended."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def main(words: list[str]) -> None:
    if words == ["docker-start"]:
        master()
    elif words == ["reload"]:
        if PID.exists():  # else the plain stand-in answers in its place, and has no routes
            os.kill(int(PID.read_text()), signal.SIGHUP)
        print("Kong reloaded")
    elif words[:2] == ["config", "parse"]:
        try:
            routes(words[2])
        except ValueError as error:
            sys.exit(f"Error: Failed parsing:\n{error}")
        print("parse successful")


if __name__ == "__main__":
    main(sys.argv[1:])
