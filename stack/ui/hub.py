"""What every open page is told: the last of each kind for one that comes, and the news for all."""

import asyncio
from collections.abc import AsyncIterator

import msgspec

WAITING = 1_000
"""News that wait for a page, at most: one that takes none any more begins anew by itself."""
ALIVE_S = 20.0
"""Seconds without news after which a line goes out all the same: only so is a page that has gone noticed."""


class Hub:
    """The pages that listen. All of it happens on the server's own thread."""

    def __init__(self) -> None:
        self._last: dict[str, bytes] = {}
        self._pages: set[asyncio.Queue[bytes | None]] = set()

    def publish(self, kind: str, data: object, keep: bool = True) -> None:
        """Tell every page; what is to be kept is told to those that come later, and only where it is new."""
        news = sent(kind, data)
        if keep:
            if self._last.get(kind) == news:
                return
            self._last[kind] = news
        for page in self._pages:
            _put(page, news)

    def keep(self, kind: str, data: object) -> None:
        """For those that come later alone."""
        self._last[kind] = sent(kind, data)

    async def listen(self) -> AsyncIterator[bytes]:
        """What one page is told, until the server ends or the page no longer takes it."""
        page: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)
        self._pages.add(page)
        try:
            yield b"retry: 1000\n\n" + b"".join(self._last.values())
            while True:
                try:
                    news = await asyncio.wait_for(page.get(), ALIVE_S)
                except TimeoutError:
                    news = b": still here\n\n"
                if news is None:
                    return
                yield news
        finally:
            self._pages.discard(page)

    def end(self) -> None:
        """Let every page go."""
        for page in self._pages:
            _put(page, None)


def sent(kind: str, data: object) -> bytes:
    """One server-sent event (html.spec.whatwg.org, 9.2)."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(data))


def _put(page: asyncio.Queue[bytes | None], news: bytes | None) -> None:
    if page.full():
        # It does not read: what waits is thrown away, and its stream ends.
        while not page.empty():
            page.get_nowait()
        news = None
    page.put_nowait(news)
