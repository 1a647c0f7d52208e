"""The `.env` file as bytes: read it, edit it in place, quote a value for it (good lines: envlines.py)."""

import re
from collections.abc import Mapping, Sequence

from stack import encoding
from stack.env.envlines import BOM, DOTENV_REFERENCE, NAME, Line, scan, without_end
from stack.errors import Problem, StackError, fail

_COMMENTED = re.compile(rf"[ \t]*#[ \t]*({NAME})[ \t]*=")
_BARE = re.compile(r"[A-Za-z0-9_./:@,+-]*")
_UNWRITABLE = re.compile(r"[\0\ud800-\udfff]")
LONGEST = 131_071
"""Bytes of NAME=value at most: Linux takes no longer string among a program's variables (execve(2), MAX_ARG_STRLEN)."""
TOO_LONG = f"is longer than the {LONGEST} bytes that a program can be given"
_BLANK_BEFORE_COMMENT = re.compile(r"[ \t]* #")


def parse(data: bytes, name: str = ".env") -> dict[str, str]:
    """Every variable that `data` sets. `name` is what messages call the file.

    Raises StackError with the problems of `read`, and for a file in UTF-16."""
    found, problems = read(data, name)
    if problems:
        raise StackError(problems)
    return found


def read(data: bytes, name: str = ".env") -> tuple[dict[str, str], list[Problem]]:
    """The variables that the good lines of `data` set, and one "env-line" problem for each line that Compose and
    python-dotenv read differently or not at all, or that sets a variable again. No message holds a value.

    Raises StackError for a file in UTF-16."""
    if encoding.is_utf16(data):
        raise encoding.utf16("env-line", name)
    found: dict[str, Line] = {}
    problems = []
    for line in scan(_text(data)):
        wrong, fix = line.wrong, line.fix
        if not wrong and _too_long(line.name, line.value):
            wrong, fix = TOO_LONG, f"keep it in a file, and ./inv env.unset {line.name}"
        if not wrong and line.name in found:
            wrong, fix = f"is set on line {found[line.name].number} already", "keep one of the two lines"
        if wrong:
            problems.append(Problem("env-line", f"{_subject(line)} {wrong}", f"{name}:{line.number}", fix))
        elif line.name:
            found[line.name] = line
    return {key: line.value for key, line in found.items()}, problems


def names(data: bytes) -> set[str]:
    """Every name that a line of `data` has, good or wrong."""
    return {line.name for line in scan(_text(data)) if line.name}


def edit(data: bytes, changes: Mapping[str, str | None], name: str = ".env") -> bytes:
    """`data` with each variable of `changes` set, or its lines removed where the value is None.

    Every other byte stays: comments, order, line ends, a missing final newline, and lines that are wrong. A variable
    that is set gets its new value in its place (the last, if several lines set it; the others go), with `export` and a
    comment kept. A new one goes right after the first commented-out `# NAME=` line, else to the end. Setting a new
    variable and removing it again gives the same bytes.

    Raises StackError for a value that `quote` refuses or that no program can be given, and with the wrong lines where
    the change would not be read as it was meant, or would change what another line says: an open quote may swallow
    it."""
    text = _text(data)
    before, wrong_before = read(data, name)
    for key, value in changes.items():
        if value is not None and _too_long(key, value):
            raise fail("env-value", f"{key} {TOO_LONG}", key, "keep it in a file")
        lines = [line for line in scan(text) if line.name == key]
        if value is None:
            text = _without(text, lines)
        elif lines:
            text = _without(_replaced(text, lines[-1], value), lines[:-1])
        else:
            text = _added(text, key, value)
    result = text.encode("utf-8", "surrogateescape")
    after, wrong = read(result, name)
    if after != {key: value for key, value in {**before, **changes}.items() if value is not None}:
        raise StackError(wrong or wrong_before)
    return result


def quote(value: str, name: str = "the value") -> str:
    r"""`value` as it is written after `NAME=`: bare where that is safe, else in single quotes (`'` as `\'`),
    else in double quotes. `name` is what the message calls it.

    Raises StackError "env-value" where no form reaches both programs unchanged: NUL, `${NAME}`, and a `$`
    together with a carriage return, a doubled or final backslash, or a backslash before `'`."""
    if _BARE.fullmatch(value):
        return value
    if _UNWRITABLE.search(value) or DOTENV_REFERENCE.search(value):
        raise fail("env-value", f"{name} holds NUL, ${{...}} or half a character, which .env cannot carry", name)
    # In single quotes python-dotenv halves `\\` and Compose does not; and it reads every CR as a newline.
    if "\r" not in value and not re.search(r"\\(?:[\\']|\Z)", value):
        return "'" + value.replace("'", "\\'") + "'"
    if "$" not in value:
        escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}
        return '"' + "".join(escapes.get(char, char) for char in value) + '"'
    raise fail("env-value", f"{name} holds both $ and a backslash, which .env cannot carry together", name)


def _too_long(name: str, value: str) -> bool:
    return len(f"{name}={value}".encode("utf-8", "surrogatepass")) > LONGEST


def _subject(line: Line) -> str:
    """What a message calls `line`: one without `NAME=` may be the rest of a secret, so none is shown."""
    return line.name if line.value_start else "this line"


def _text(data: bytes) -> str:
    """`data` as text that gives the same bytes again, whatever they are."""
    return data.decode("utf-8", "surrogateescape")


def _without(text: str, lines: Sequence[Line]) -> str:
    """`text` without `lines`. If the last of it goes and had no newline, the line before loses its own."""
    for line in reversed(lines):
        before = text[: line.start]
        unended = line.end == len(text) and not text.endswith("\n")
        text = (without_end(before) if unended else before) + text[line.end :]
    return text


def _replaced(text: str, line: Line, value: str) -> str:
    """`text` with `value` on `line`; a line that is wrong is written anew."""
    if line.value == value and not line.wrong:
        return text
    written = quote(value, line.name)
    rest = without_end(text[line.value_end : line.end])
    if line.wrong:
        content = without_end(text[line.start : line.end])
        return text[: line.start] + f"{line.name}={written}" + text[line.start + len(content) :]
    # A bare value ends only at a blank before #, an empty one not even there.
    if rest.strip() and written == value and not (value and _BLANK_BEFORE_COMMENT.match(rest)):
        written = f"'{value}'"
    return text[: line.value_start] + written + text[line.value_end :]


def _added(text: str, name: str, value: str) -> str:
    """`text` with a new line for `name`, ended as the first line of `text` is."""
    at = next((line.end for line in scan(text) if _is_commented(text, line, name)), len(text))
    newline = "\r\n" if re.match(r"[^\n]*\r\n", text) else "\n"
    statement = f"{name}={quote(value, name)}"
    at_line_start = text[:at] in ("", BOM) or text[at - 1] == "\n"
    return text[:at] + (statement + newline if at_line_start else newline + statement) + text[at:]


def _is_commented(text: str, line: Line, name: str) -> bool:
    """Whether `line` is a commented-out setting of `name`."""
    match = _COMMENTED.match(text, line.start, line.end)
    return match is not None and match[1] == name
