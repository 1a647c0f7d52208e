"""What a command gives back: values that one renderer prints as text or as JSON."""

from typing import Any

import msgspec

from stack.errors import OK, Problem


class Result(msgspec.Struct):
    """`data` is what `--json` prints; `lines` are plain sentences for people; `problems` come with both."""

    data: dict[str, Any] = {}
    problems: list[Problem] = []
    exit_code: int = OK
    lines: list[str] = []
