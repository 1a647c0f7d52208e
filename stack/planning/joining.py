"""Files of many fragments as one text for Compose, which makes its schema anew for each file that it holds against it:
two thirds of what a file costs.

The sections of the files come together line by line, as they stand. A file that is not of the usual form stays one of
its own, with all of its fragment, and so does what lays over several fragments."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stack.planning.batches import SHARED
from stack.planning.catalog import RESOURCES, Catalog

SECTIONS = ("services", "x-stack", *RESOURCES)
INDENT = 2
STDIN = "-"
"""The name by which Compose is told of the text."""
UNUSUAL = re.compile(r"^(?:---|\.\.\.|%)|\bextends\b", re.MULTILINE)
"""What has a meaning beyond its own lines: documents, directives, and services that go on from others of their file."""

Lines = Mapping[str, tuple[int, int]]


def lines(text: str) -> dict[str, tuple[int, int]]:
    """Where in a text the lines of each of its sections begin and end; empty where it is not of the usual form: a
    mapping of sections, each a mapping of its own with an indent of two, and none with an alias of another's anchor."""
    from ruamel.yaml.error import YAMLError

    from stack import yamlfile

    if UNUSUAL.search(text) or not text.endswith("\n"):
        return {}
    try:
        root = yamlfile.nodes(text)
    except YAMLError:
        return {}
    if root is None or not _usual(root, 0):
        return {}
    ids = [set(_all(value)) for _, value in root.value]
    if sum(map(len, ids)) > len(set().union(*ids)):
        return {}
    starts = [key.start_mark.index for key, _ in root.value][1:]
    found = {}
    for (key, value), end in zip(root.value, [*starts, len(text)], strict=True):
        if key.value not in SECTIONS or key.value in found or not _usual(value, INDENT):
            return {}
        found[key.value] = (value.start_mark.index - INDENT, end)
    return found


def _usual(node: Any, column: int) -> bool:
    """Whether a node is a mapping over several lines from this column, without a name or tag."""
    if isinstance(node.value, str) or not node.value or not isinstance(node.value[0], tuple) or node.flow_style:
        return False
    return node.anchor is None and node.tag == "tag:yaml.org,2002:map" and bool(node.start_mark.column == column)


def _all(node: Any) -> Iterator[int]:
    """What tells a node and those below it: the id of each, as an alias is the node of its anchor again."""
    yield id(node)
    if not isinstance(node.value, str):
        for item in node.value:
            for one in item if isinstance(item, tuple) else (item,):
                yield from _all(one)


def joined(catalog: Catalog, files: Sequence[str], mine: Mapping[str, Sequence[str]],
           texts: Mapping[str, bytes]) -> tuple[list[str], str | None]:  # fmt: skip
    """What Compose is to be given in place of `files`: their names, of which STDIN stands for the text beside them.
    `mine` is as batches.own gives it."""
    chosen = set(files)
    base = list(itertools.takewhile(lambda path: path in mine[SHARED], files))
    groups = [[path] for path in base]
    groups += [
        own for name, paths in mine.items() if name != SHARED and (own := [path for path in paths if path in chosen])
    ]
    usual = [group for group in groups if all(catalog.files[path].lines for path in group)]
    together = set(itertools.chain.from_iterable(usual))
    if len(together) < 2:
        return list(files), None
    layers = [[path for path in layer if path] for layer in itertools.zip_longest(*usual)]
    text = "---\n".join(_document([(texts[path].decode("utf-8-sig"), catalog.files[path].lines) for path in layer])
                        for layer in layers)  # fmt: skip
    first = sum(path not in together for path in base)
    rest = [path for path in files if path not in together]
    return [*rest[:first], STDIN, *rest[first:]], text


def _document(layer: list[tuple[str, Lines]]) -> str:
    """One document of the sections of files that have nothing in common."""
    parts = []
    for section in SECTIONS:
        bodies = [text[own[section][0] : own[section][1]] for text, own in layer if section in own]
        parts += [f"{section}:\n", *bodies] if bodies else []
    return "".join(parts)
