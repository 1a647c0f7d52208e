r"""The lines of a `.env` file, each with its place in the text and what is wrong with it.

Two programs read this file: Docker Compose, and python-dotenv in whatever else the user runs. They
differ on a good many lines, so only lines that both read alike are right here. The reader is our own:
importing python-dotenv costs about 20 ms on every command, and it cannot tell which lines Compose reads
otherwise. The property tests hold it against both programs.

Wrong, because the two differ (Compose 2.40.3 / python-dotenv 1.2.4): `$` outside single quotes (replaced /
kept), `${A}` inside them (kept / replaced), `NAME: v` (set / dropped), text after a closing quote (a second
statement / dropped), `NAME= # x` (`# x` / empty), a tab before `#` (kept / a comment), `\\` in single quotes
(kept / one backslash), `\'`, `\$` and `\0` in double quotes, a carriage return that ends no line, and bytes
that are not UTF-8 (replaced / an error).
Wrong as mistakes: a name alone on its line, a name that `${...}` cannot hold, NUL, and white space other
than blank and tab outside quotes (some of it is cut by one program only).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

BOM = "\ufeff"
NAME = r"[A-Za-z_][A-Za-z0-9_]*"
# What python-dotenv replaces whatever the quotes around it: the pattern of its variables.py.
DOTENV_REFERENCE = re.compile(r"\$\{[^}:]*(?::-[^}]*)?\}")

# `export =1` sets no variable called export: both programs refuse it. Not by a possessive ?+, which Python 3.11.2
# (Debian 12) gets wrong: there `export=1` does not match.
_EXPORT = r"[ \t]*(?:export[ \t]+(?=[A-Za-z_])|(?!export[ \t]))"
_HEAD = re.compile(rf"{_EXPORT}({NAME})[ \t]*=[ \t]*")
_HEAD_WITHOUT_EQUALS = re.compile(rf"{_EXPORT}({NAME})[ \t]*(:|(?=\r?\n|\Z))")
_REST = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r?\n|\Z)")
_QUOTED = {
    "'": re.compile(r"'((?:\\.|[^'\\])*)'", re.DOTALL),
    '"': re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL),
}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"\\": "\\", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class _Rule(NamedTuple):
    pattern: re.Pattern[str]
    wrong: str
    fix: str


_DOLLAR = _Rule(re.compile(r"\$"), "has a $ outside single quotes", "put the value in single quotes")
_NUL = _Rule(re.compile(r"\0"), "holds a NUL character", "remove it")
_RETURN = _Rule(re.compile(r"\r"), "has a carriage return inside quotes", "end the file's lines with LF")
_STRAY_RETURN = _Rule(re.compile(r"\r"), "has a carriage return that ends no line", "remove it")
_NOT_UTF8 = _Rule(re.compile(r"[\udc80-\udcff]"), "is not UTF-8", "save the file as UTF-8")
_IN_BARE = (
    _DOLLAR,
    _NUL,
    _Rule(re.compile(r"\t#"), "has a tab before #", "write a blank before #, or the value in quotes"),
    _Rule(re.compile(r"[^\S \t]"), "has white space other than blank and tab", "put the value in quotes"),
)
_IN_SINGLE = (
    _NUL,
    _RETURN,
    _Rule(re.compile(r"\\\\"), "has two backslashes in single quotes", "put the value in double quotes"),
    _Rule(DOTENV_REFERENCE, "has ${...} in single quotes, which python-dotenv replaces", "do without ${...}"),
)
_IN_DOUBLE = (
    _DOLLAR,
    _NUL,
    _RETURN,
    _Rule(
        re.compile(r"(?<!\\)(?:\\\\)*\\['0]"),
        "has \\' or \\0 in double quotes",
        "write ' without a backslash, and a backslash twice",
    ),
)


class Line(NamedTuple):
    """One statement, comment or blank line; a quoted value may make it span several lines of the file.

    `number` counts from 1; `start` to `end` is its text with the line end, `value_start` to `value_end` the
    value with its quotes. `name` is empty for a comment. `wrong` is empty for a good line, else what the
    line does (with no value in it), and `fix` what mends it."""

    number: int
    start: int
    end: int
    name: str = ""
    value: str = ""
    value_start: int = 0
    value_end: int = 0
    wrong: str = ""
    fix: str = ""


def scan(text: str) -> Iterator[Line]:
    """The lines of `text`, in which bytes that are not UTF-8 stand as surrogates. But for a leading byte
    order mark they cover all of it. A line whose quote does not close properly ends with its first line, so
    that those after it are seen."""
    position, number = len(BOM) if text.startswith(BOM) else 0, 1
    while position < len(text):
        line = _read(text, position, number)
        yield _checked(line, (_NOT_UTF8,), text[line.start : line.end])
        number += text.count("\n", position, line.end)
        position = line.end


def without_end(line: str) -> str:
    """`line` without its LF or CRLF."""
    return line.removesuffix("\n").removesuffix("\r") if line.endswith("\n") else line


def _read(text: str, start: int, number: int) -> Line:
    """The line of `text` that begins at `start`."""
    line = Line(number, start, _line_end(text, start))
    if _REST.match(text, start):
        return line
    head = _HEAD.match(text, start, line.end)
    if not head:
        return _headless(text, line)
    line = line._replace(name=head[1], value_start=head.end())
    return (_quoted if text[head.end() : head.end() + 1] in _QUOTED else _bare)(text, line)


def _headless(text: str, line: Line) -> Line:
    """A line that does not begin with `NAME=`."""
    match = _HEAD_WITHOUT_EQUALS.match(text, line.start, line.end)
    line = line._replace(name=match[1] if match else "", fix="write NAME=value, or # before a comment")
    if match and match[2]:
        return line._replace(wrong="is written with : for =")
    if match or "=" not in text[line.start : line.end]:
        return line._replace(wrong="has no =")
    return line._replace(wrong="does not begin with a name of letters, digits and _")


def _bare(text: str, line: Line) -> Line:
    """`line` with its unquoted value, which ends at ` #` or at the line's end."""
    written = without_end(text[line.value_start : line.end])
    value = written.split(" #", 1)[0].rstrip(" \t")
    line = line._replace(value=value, value_end=line.value_start + len(value))
    if written.startswith("#") and text[line.value_start - 1] != "=":
        return line._replace(wrong="has a comment where its value should be", fix="write NAME='' # comment")
    return _checked(_checked(line, (_STRAY_RETURN,), written), _IN_BARE, value)


def _quoted(text: str, line: Line) -> Line:
    """`line` with its quoted value, which may end on a later line of the file."""
    quote = text[line.value_start]
    match = _QUOTED[quote].match(text, line.value_start)
    if not match:
        return line._replace(wrong="opens a quote that nothing closes", fix="close the quote")
    if not _REST.match(text, match.end()):
        return line._replace(
            wrong="has text after the closing quote", fix="remove it, or write \\ before an inner quote"
        )
    value = match[1].replace("\\'", "'") if quote == "'" else _ESCAPE.sub(_unescaped, match[1])
    line = line._replace(value=value, value_end=match.end(), end=_line_end(text, match.end()))
    return _checked(line, _IN_SINGLE if quote == "'" else _IN_DOUBLE, match[1])


def _unescaped(match: re.Match[str]) -> str:
    return _ESCAPED.get(match[1], match[0])


def _checked(line: Line, rules: tuple[_Rule, ...], written: str) -> Line:
    """`line`, marked wrong by the first of `rules` that its text breaks, unless it is wrong already."""
    broken = None if line.wrong else next((rule for rule in rules if rule.pattern.search(written)), None)
    return line._replace(wrong=broken.wrong, fix=broken.fix) if broken else line


def _line_end(text: str, start: int) -> int:
    """Where the line of the file ends that holds position `start`, its newline included."""
    newline = text.find("\n", start)
    return len(text) if newline < 0 else newline + 1
