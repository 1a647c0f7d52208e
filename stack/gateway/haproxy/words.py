"""Texts as words of HAProxy's configuration. Pure.

Each of the ways in which HAProxy reads one has its own signs to keep from meaning something. `${NAME}` stays the
environment's: HAProxy puts it in while it reads, so no secret stands in the file."""

import re

PLAIN = re.compile(r"[A-Za-z0-9_./:=@+,-]+")
NAMED = re.compile(r"\$\{([A-Za-z_]\w*)\}")
CONTROL = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def word(text: str) -> str:
    """One word that is this text."""
    if PLAIN.fullmatch(text):
        return text
    parts = NAMED.split(text)
    quoted = [f'"${{{part}}}"' if at % 2 else _strong(part) for at, part in enumerate(parts)]
    return "".join(quoted) or "''"


def _strong(text: str) -> str:
    """Between single quotes everything is itself, but for what ends them and what ends the line."""
    pieces = re.split(r"(['\x00-\x1f\x7f])", text)
    return "".join(_odd(piece) if at % 2 else f"'{piece}'" if piece else "" for at, piece in enumerate(pieces))


def _odd(letter: str) -> str:
    return r"\'" if letter == "'" else CONTROL.get(letter, f"\\x{ord(letter):02x}")


def shown(text: str) -> str:
    """A text where a format is read, as the value of a header: without its quotes."""
    parts = NAMED.split(text)
    return "".join(f"%[env({part})]" if at % 2 else part.replace("%", "%%") for at, part in enumerate(parts))


def argument(text: str) -> str:
    """A text between the parentheses of a sample: without the quotes of the word around it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def sub(pattern: str, by: str, every: bool = False) -> str:
    """A converter that puts a text in the place of what an expression finds."""
    return f",regsub({argument(pattern)},{argument(by)}{',g' if every else ''})"


def name(text: str) -> str:
    """A name for a section."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)
