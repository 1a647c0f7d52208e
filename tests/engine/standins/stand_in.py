#!/usr/bin/python3
"""Stands for a program: `stand-in serve PORT… [FILE…] -- …` answers HTTP on the ports and makes the files, until it
is told to end; `stand-in once -- …` is a job that succeeds. What follows `--` is the real program's command."""

import asyncio
import pathlib
import signal
import sys

# What the checks of Elasticsearch look for; everyone else looks at the status alone.
BODY = b'{"status":"green"}\n'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(BODY)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request, one answer, whatever is asked."""
    try:
        line = await reader.readline()
        if b"HTTP/" in line:
            writer.write(HEAD if line.startswith(b"HEAD") else HEAD + BODY)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
    except ConnectionError:
        writer.close()


async def serve(ports: list[int]) -> None:
    """Listen until the engine asks for an end."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    for port in ports:
        await asyncio.start_server(answer, "0.0.0.0", port)
    await ended.wait()


def main(words: list[str]) -> None:
    own = words[: words.index("--")] if "--" in words else words
    for path in filter(lambda word: word.startswith("/"), own[1:]):
        pathlib.Path(path).touch()
    if own[0] == "serve":
        asyncio.run(serve([int(word) for word in own[1:] if word.isdecimal()]))


if __name__ == "__main__":
    main(sys.argv[1:])
