"""What a long command says while it works: one live line per service in a terminal, plain lines elsewhere."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any


class Progress:
    """The present state of each service, told as it changes. Everything goes to standard error, so that standard
    output holds the result alone."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._since = time.monotonic()
        self._live: Any = None
        self._guard = threading.Lock()
        self.moved = time.monotonic()

    def tell(self, name: str, state: str) -> None:
        """`name` is now in `state`; the same state twice is told once."""
        with self._guard:
            self.moved = time.monotonic()
            if self._states.get(name) == state:
                return
            self._states[name] = state
            if self._live:
                self._live.update(self._table())
            elif not state.endswith("%"):
                print(f"{name}: {state}", file=sys.stderr, flush=True)

    def say(self, sentence: str) -> None:
        """One line of its own."""
        with self._guard:
            if self._live:
                self._live.console.print(sentence, highlight=False, markup=False)
            else:
                print(sentence, file=sys.stderr, flush=True)

    def _table(self) -> Any:
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        for name, state in self._states.items():
            table.add_row(name, state, style=_style(state))
        return table

    @contextlib.contextmanager
    def shown(self) -> Iterator["Progress"]:
        """Keep the lines live while the block runs, where there is a terminal."""
        if not sys.stderr.isatty():
            yield self
            return
        from rich.console import Console
        from rich.live import Live

        with Live(self._table(), console=Console(stderr=True), refresh_per_second=8) as live:
            self._live = live
            try:
                yield self
            finally:
                self._live = None
                live.update(self._table())


def _style(state: str) -> str:
    """Green when there, red when lost, plain on the way."""
    if state.startswith(("healthy", "done", "running", "unchanged")):
        return "green"
    return "red" if state.startswith(("failed", "unhealthy", "exited")) else ""
