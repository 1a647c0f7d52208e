"""Unquoted words that YAML 1.1, which Kong reads, takes for something else than YAML 1.2 does."""

import functools
import re
from collections.abc import Iterator
from typing import Any

from stack.errors import Problem

TRUTH = re.compile(r"(?:[yY]es|YES|[nN]o|NO|[oO]n|ON|[oO]ff|OFF)")
# Base 60, octal and binary numbers, and underscores between digits.
NUMBER = re.compile(
    r"[-+]?(?:\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?|0\d+|0b[01_]+|\d[\d_]*_[\d_]*(?:\.[\d_]*)?)"
    r"|0o[0-7]+|\.(?:nan|NaN|NAN)"
)


def traps(text: str) -> Iterator[Problem]:
    """One problem for each such word, with its place. The text must be valid YAML."""
    from stack import yamlfile

    root = yamlfile.nodes(text)
    if root is not None:
        yield from _told(root, "", set())


def _told(node: Any, path: str, seen: set[int]) -> list[Problem]:
    """The problems of a node and of all below it, but for those that are `seen`: an alias is the node of its anchor
    again."""
    if isinstance(node.value, str):
        wrong = None if node.style else _word(node.value)
        if wrong is None or id(node) in seen:
            return []
        seen.add(id(node))
        return [Problem("gateway-yaml", wrong[0], path, wrong[1])]
    if id(node) in seen:
        return []
    seen.add(id(node))
    found: list[Problem] = []
    for position, item in enumerate(node.value):
        if isinstance(item, tuple):
            place = f"{path}.{item[0].value}" if path else f"{item[0].value}"
            found += _told(item[0], place, seen)
            found += _told(item[1], place, seen)
        else:
            found += _told(item, f"{path}[{position}]", seen)
    return found


@functools.lru_cache
def _word(word: str) -> tuple[str, str] | None:
    """What is wrong with a word without quotes, and what to write; None where nothing is."""
    if TRUTH.fullmatch(word):
        meant = "true" if word.lower() in ("yes", "on") else "false"
        return f"Kong reads {word} without quotes as {meant}", f'write {meant}, or "{word}" for the word'
    if NUMBER.fullmatch(word):
        message = f"Kong reads {word} without quotes as another number, or as none"
        return message, f'write "{word}" for the text, or the number in plain digits'
    return None
