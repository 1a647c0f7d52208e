"""How far something with many bytes is: bytes, rate and time left, as a state of a line of progress."""

import time
from collections.abc import Callable

from stack.names import size

EVERY_S = 0.25


def state(done: int, total: int, seconds: float) -> str:
    """`1.2 GB of 3.4 GB, 85.0 MB/s, 0:26 left, 35 %`; without the end of it as long as there is no rate, and of what
    has no known total (0) as long as it lasts."""
    rate = done / seconds if seconds else 0
    if not total:
        return f"{size(done)}, {size(rate)}/s"
    if not rate:
        return f"{size(done)} of {size(total)}, 0 %"
    left = max(0, int((total - done) / rate))
    share = 100 * done // total
    return f"{size(done)} of {size(total)}, {size(rate)}/s, {left // 60}:{left % 60:02} left, {share} %"


def metered(total: int, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic,
            ) -> Callable[[int], None]:  # fmt: skip
    """What is to be called with each number of bytes that went by; `tell` hears of it four times a second."""
    begun = last = clock()
    done = 0

    def add(count: int) -> None:
        nonlocal done, last
        done += count
        now = clock()
        if now - last >= EVERY_S:
            last = now
            tell(state(done, total, now - begun))

    return add
