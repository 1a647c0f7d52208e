"""Makes a picture of a real command's output: python docs/picture.py up.svg ./inv up."""

import io
import os
import pty
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 108


def run(words: list[str]) -> str:
    """What a command prints in a terminal, colours included."""
    parts: list[bytes] = []

    def read(handle: int) -> bytes:
        data = os.read(handle, 65536)
        parts.append(data)
        return data

    pty.spawn(["env", f"COLUMNS={WIDTH}", "TERM=xterm-256color", *words], read)
    return b"".join(parts).decode(errors="replace")


def last_screen(text: str) -> str:
    """The lines as they stand at the end: what was drawn over is gone."""
    rows: list[str] = []
    at = 0
    for line in text.replace("\r\n", "\n").split("\n"):
        up = line.count("\x1b[1A")
        at -= up
        clean = line.replace("\x1b[1A", "").replace("\x1b[2K", "").rstrip("\r").split("\r")[-1]
        for code in ("\x1b[?25l", "\x1b[?25h"):
            clean = clean.replace(code, "")
        rows[at:] = [clean]
        at += 1
    return "\n".join(rows).strip("\n")


def main() -> None:
    """Run the command and write the picture beside this file."""
    target, *words = sys.argv[1:]
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {' '.join(words)}", "bold"))
    # An empty last line, as the picture's edge cuts into the one that stands there.
    console.print(Text.from_ansi(f"{last_screen(run(words))}\n"))
    svg = console.export_svg(title=" ".join(words))
    # The reader's own fixed-width font will do: no page should load one from elsewhere.
    (Path(__file__).parent / target).write_text(re.sub(r',\s*url\("[^"]*"\) format\("[^"]*"\)', "", svg))


main()
