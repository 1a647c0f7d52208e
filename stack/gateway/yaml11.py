"""Unquoted words that YAML 1.1, which Kong reads, takes for something else than YAML 1.2 does."""

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

    yield from _walk(yamlfile.nodes(text), "", set())


def _walk(node: Any, path: str, seen: set[int]) -> Iterator[Problem]:
    if node is None or id(node) in seen:  # an alias is the node of its anchor again
        return
    seen.add(id(node))
    if isinstance(node.value, str):
        yield from _word(node, path)
        return
    for position, item in enumerate(node.value):
        if isinstance(item, tuple):
            key, value = item
            place = f"{path}.{key.value}" if path else f"{key.value}"
            yield from _walk(key, place, seen)
            yield from _walk(value, place, seen)
        else:
            yield from _walk(item, f"{path}[{position}]", seen)


def _word(node: Any, path: str) -> Iterator[Problem]:
    if node.style:
        return
    word = node.value
    if TRUTH.fullmatch(word):
        meant = "true" if word.lower() in ("yes", "on") else "false"
        fix = f'write {meant}, or "{word}" for the word'
        yield Problem("gateway-yaml", f"Kong reads {word} without quotes as {meant}", path, fix)
    elif NUMBER.fullmatch(word):
        fix = f'write "{word}" for the text, or the number in plain digits'
        yield Problem("gateway-yaml", f"Kong reads {word} without quotes as another number, or as none", path, fix)
