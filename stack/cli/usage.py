"""What `./inv COMMAND --help` says, from the table of examples and the words of the flags. Pure."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from stack.cli import table
from stack.cli.words import Option, place

INDENT = 2


def options(arguments: Sequence[Any]) -> list[Option]:
    """What a command takes, from Invoke's own arguments."""
    return [Option(_flag(one.names[0]), one.takes_value, one.kind is list, bool(one.positional)) for one in arguments]


def _flag(name: str) -> str:
    return f"--{name}" if len(name) > 1 else f"-{name}"


def text(command: str, does: str, arguments: Sequence[Any], words: Mapping[str, str], columns: int) -> str:
    """The whole page: how to call it, its options with values and defaults, examples."""
    taken = options(arguments)
    defaults = {_flag(one.names[0]): one.default for one in arguments}
    said = {one.flag: words[one.flag.lstrip("-").replace("-", "_")] + _default(defaults[one.flag]) for one in taken}
    rows = [(_shown(command, option), said[option.flag])
            for option in sorted(taken, key=lambda option: option.flag == "--json")]  # fmt: skip
    examples = [(one.line(command), one.does) for one in table.COMMANDS[command].examples]
    calls = [f"{word} ./inv {command}{line}"
             for word, line in zip(("usage:", "   or:"), _usages(command, taken), strict=False)]  # fmt: skip
    parts = (textwrap.wrap(does, columns), calls, _columns(rows, columns), ["examples:", *_columns(examples, columns)])
    return "\n\n".join("\n".join(part) for part in parts)


def _usages(command: str, taken: Sequence[Option]) -> list[str]:
    """The words behind the command: its places and flags; where loose words mean something, these too."""
    places = "".join(f" {place(command, one)}" for one in taken if one.positional)
    by_flag = {one.flag: one for one in taken}
    loose = [by_flag[f"--{name}"] for name in table.COMMANDS[command].loose]
    flagged = [f"{places} [OPTIONS]"]
    return [*flagged, *([f"{''.join(f' {place(command, one)}' for one in loose)} [OPTIONS]"] if loose else [])]


def _shown(command: str, option: Option) -> str:
    if option.positional:
        return place(command, option)
    return f"{option.flag} {place(command, option)}" if option.valued else option.flag


def _default(value: object) -> str:
    return f" (default {value})" if isinstance(value, str) and value else ""


def _columns(rows: Sequence[tuple[str, str]], columns: int) -> list[str]:
    """Two columns; the second stands below where the first leaves it no room."""
    left = max(len(first) for first, _ in rows)
    left = left if left <= columns * 5 // 8 else 4
    found = []
    for first, second in rows:
        room = max(columns - INDENT - left - 2, 20)
        lines = textwrap.wrap(second, room) or [""]
        head = f"{'':{INDENT}}{first}"
        if len(first) > left:
            found.append(head)
        else:
            found.append(f"{'':{INDENT}}{first:<{left}}  {lines.pop(0)}".rstrip())
        found += [f"{'':{INDENT + left + 2}}{line}" for line in lines]
    return found
