"""Tables that are readable at the width that there is: names stay whole, what is empty or matters least goes first."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich.console import Console, ConsoleOptions
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

GAP = 2
"""Blanks between two columns."""
NARROW = 16
"""The least width of a column that may be broken anywhere, and of one of words where there is room for no more."""


class Column(NamedTuple):
    """A title, how its cells may be broken (`no`, between `words`, `anywhere`), and when it goes where there is too
    little room: 1 first, 0 never."""

    title: str
    breaks: str = "no"
    goes: int = 0


class Columns:
    """A table as rich draws it."""

    def __init__(self, *columns: Column | str) -> None:
        self.columns = [Column(one) if isinstance(one, str) else one for one in columns]
        self.rows: list[list[Text]] = []

    def add(self, *cells: str | Text) -> None:
        """One more row."""
        self.rows.append([cell if isinstance(cell, Text) else Text(cell) for cell in cells])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Any]:
        """Draw what there is room for, and name what there is none for."""
        cells = [[str(cell) for cell in row] for row in self.rows]
        widths, gone = fitting(self.columns, cells, options.max_width)
        table = Table(box=None, padding=0, pad_edge=False, header_style="bold")
        last = max(widths, default=0)
        for n, width in widths.items():
            table.add_column(self.columns[n].title, no_wrap=self.columns[n].breaks == "no", overflow="fold",
                             width=width if n == last else width + GAP)  # fmt: skip
        for row in self.rows:
            table.add_row(*(row[n] if n == last else Padding(row[n], (0, GAP, 0, 0)) for n in widths))
        # Where even the least is too wide, the terminal breaks the lines: rich would cut the ends of names and numbers.
        yield from console.render(table, options.update(max_width=max(options.max_width, _total(widths))))
        if gone:
            titles = ", ".join(self.columns[n].title for n in gone)
            yield Text(f"without {titles}: a wider terminal or --json shows it", "dim")


class Either:
    """A table where it has room for its columns, or but for those that may go, else another."""

    def __init__(self, table: Columns, other: Columns, *, may_go: bool = False) -> None:
        self.table, self.other, self.may_go = table, other, may_go

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Any]:
        """Draw the one that fits."""
        cells = [[str(cell) for cell in row] for row in self.table.rows]
        widths, gone = fitting(self.table.columns, cells, options.max_width)
        yield self.other if (gone and not self.may_go) or _total(widths) > options.max_width else self.table


def fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> tuple[dict[int, int], list[int]]:
    """The columns to show with their widths, and those that have something in them, but no room. Pure."""
    filled = [n for n in range(len(columns)) if not rows or any(row[n] for row in rows)]
    least = {n: _least(columns[n], [row[n] for row in rows]) for n in filled}
    kept = {n: least[n] for n in filled if not columns[n].goes}
    for n in sorted(set(filled) - set(kept), key=lambda n: -columns[n].goes):
        if _total({**kept, n: least[n]}) <= width:
            kept[n] = least[n]
    for n in [n for n in kept if columns[n].breaks == "words"]:
        kept[n] = max(min(kept[n], NARROW), kept[n] - max(0, _total(kept) - width))
    kept = dict(sorted(kept.items()))
    titles = [column.title for column in columns]
    for n, narrow in kept.items():
        wanted = max(Text(part).cell_len for row in (titles, *rows) for part in row[n].split("\n"))
        kept[n] = narrow + max(0, min(wanted - narrow, width - _total(kept)))
    return kept, sorted(set(filled) - set(kept))


def _total(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)


def _least(column: Column, cells: Sequence[str]) -> int:
    """The least width at which no name in a column is broken."""
    parts = [
        part
        for cell in (column.title, *cells)
        for part in (cell.split("\n") if column.breaks == "no" else cell.split())
    ]
    longest = max((Text(part).cell_len for part in parts), default=0)
    return min(longest, NARROW) if column.breaks == "anywhere" else longest
