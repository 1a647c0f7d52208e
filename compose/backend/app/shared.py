"""One answer for many who ask."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """An answer that is asked for once by all who want it at the same time, and kept for `seconds` after it came."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._under_way: asyncio.Task[T] | None = None
        self._until = 0.0

    async def get(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer kept, or the one under way, or that of a new question. What `ask` raises is kept for nobody."""
        if self._under_way is None or (self._under_way.done() and time.monotonic() >= self._until):
            self._under_way = asyncio.create_task(self._asked(ask))
        # One who goes away must not take the answer of the others along.
        return await asyncio.shield(self._under_way)

    async def _asked(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self._until = 0.0
        answer = await ask()
        self._until = time.monotonic() + self._seconds
        return answer
