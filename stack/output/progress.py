"""What a long command says while it works: one live line per service in a terminal, plain lines elsewhere; both with a
clock, in minutes and seconds since the command began."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

FLEETING = ("%", "/s")
"""How a state ends that is gone the next moment: without a terminal it is not told."""


class Progress:
    """The present state of each service, told as it changes. Everything goes to standard error, so that standard
    output holds the result alone."""

    def __init__(self) -> None:
        self._states: dict[str, tuple[str, float]] = {}
        self._since = time.monotonic()
        self._live: Any = None
        self._guard = threading.Lock()
        self.moved = time.monotonic()

    def tell(self, name: str, state: str) -> None:
        """`name` is now in `state`; the same state twice is told once."""
        with self._guard:
            self.moved = time.monotonic()
            if self._states.get(name, ("", 0.0))[0] == state:
                return
            self._states[name] = (state, self.moved)
            if self._live:
                self._live.refresh()
            elif not state.endswith(FLEETING):
                print(f"{self._clock()} {name}: {state}", file=sys.stderr, flush=True)

    def say(self, sentence: str) -> None:
        """One line of its own."""
        with self._guard:
            if self._live:
                self._live.console.print(sentence, highlight=False, markup=False)
            else:
                print(f"{self._clock()} {sentence}", file=sys.stderr, flush=True)

    def _clock(self) -> str:
        return minutes(time.monotonic() - self._since)

    def _table(self) -> Any:
        """Each line with how long it stands: of what is on its way, until now; of the others, when that was."""
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        now = time.monotonic()
        for name, (state, since) in list(self._states.items()):
            style = _style(state)
            table.add_row(minutes((since if style else now) - self._since), name, state, style=style)
        return table

    @contextlib.contextmanager
    def shown(self) -> Iterator["Progress"]:
        """Keep the lines live while the block runs, where there is a terminal; within such a block they are already."""
        if self._live or not sys.stderr.isatty():
            yield self
            return
        from rich.console import Console
        from rich.live import Live

        with Live(get_renderable=self._table, console=Console(stderr=True), refresh_per_second=8) as live:
            self._live = live
            try:
                yield self
            finally:
                self._live = None
                live.transient = not self._states  # else a line without anything stays
                live.refresh()


def minutes(seconds: float) -> str:
    """A time as a clock shows it: 0:07, 12:40, 75:00."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _style(state: str) -> str:
    """Green when there, yellow when left out, red when lost, plain on the way."""
    if state.startswith(("healthy", "done", "running", "unchanged")):
        return "green"
    if state == "left out":
        return "yellow"
    return "red" if state.startswith(("failed", "unhealthy", "exited")) else ""
