"""Which kind of line a log's line is. Pure."""

import re
from typing import Literal

from stack.running import loglines

WARNING = re.compile(r"\bwarn(?:ing)?\b", re.IGNORECASE)
DEBUG = re.compile(r"\b(?:debug|trace)\b", re.IGNORECASE)
LOOKED_AT = 400
"""Characters of a line: its level stands at its beginning."""

Level = Literal["error", "warning", "info", "debug"]


def of(line: str) -> Level:
    """The level of a line; `info` where nothing says another."""
    head = line[:LOOKED_AT]
    if loglines.wrong(head):
        return "error"
    if WARNING.search(head):
        return "warning"
    return "debug" if DEBUG.search(head) else "info"
