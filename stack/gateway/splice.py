"""The gateway's file edited in place: entries go in and out as lines, and everything else stays byte for byte. Pure.

The parser's events say where an entry stands; nothing is written back from parsed values. So comments, order, anchors,
quoting, indentation, line ends, a byte order mark and a missing final newline stay as they are."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from stack.errors import fail
from stack.gateway import kongfile
from stack.gateway.kongfile import FILE

MADE = "# made by inv, and gone with its last entry"
"""Stands behind a list that was not there before."""


class Node(NamedTuple):
    """A part of the document: where it begins and where its last character ends, in characters. `items` are a list's,
    `pairs` a mapping's, `text` is a scalar's; `names` are the anchors in it, `uses` is the alias that it is."""

    kind: str
    start: int
    end: int
    flow: bool = False
    text: str = ""
    items: tuple["Node", ...] = ()
    pairs: tuple[tuple["Node", "Node"], ...] = ()
    names: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()

    def get(self, key: str) -> "Node | None":
        """The value of a key."""
        return next((value for name, value in self.pairs if name.text == key), None)


def add(text: str, kind: str, entry: dict[str, Any], file: str = FILE) -> str:
    """The text with one more entry at the end of the list `kind` (services, upstreams, …).

    Raises StackError where an entry of that name is there, and where the file is no YAML mapping or written so that
    lines can't go in."""
    before = kongfile.read(text, file)
    added = _added(text, before, kind, entry, file)
    return _checked(added, {**before, kind: [*(before.get(kind) or []), entry]}, f"{file}: {kind}", file)


def _checked(text: str, meant: dict[str, Any], where: str, file: str) -> str:
    """The edited text, once it reads as meant. A text in a rare style (a block scalar that keeps its blank lines, say)
    is the user's to edit."""
    if _filled(kongfile.read(text, file)) != _filled(meant):
        raise fail("gateway-style", "this place is written so that it can't be edited safely", where, f"edit {file}")
    return text


def _filled(document: dict[str, Any]) -> dict[str, Any]:
    """The document without lists that are empty: Kong makes no difference."""
    return {key: value for key, value in document.items() if value}


def _added(text: str, document: dict[str, Any], kind: str, entry: dict[str, Any], file: str) -> str:
    if any(item.get("name") == entry["name"] for item in document.get(kind) or [] if isinstance(item, dict)):
        raise fail("gateway-name", f"{kind} already has an entry {entry['name']}", f"{file}: {kind}",
                   f"./inv route.remove --name {entry['name']}")  # fmt: skip
    root = _root(text)
    here = root.get(kind)
    lines = _lines(text)
    if here is None:
        if root.flow:
            raise fail("gateway-style", f"the file is one flow mapping without {kind}", file, f"add {kind}: [] to it")
        at = _after_comments(lines, _line_after(lines, root.end), 0)
        return _with(lines, at, [f"{kind}:  {MADE}", *_block(entry, 2, 2, 2)])
    if here.kind == "list" and here.flow:
        return _with_flow(text, here, json.dumps(entry, ensure_ascii=False))
    if here.kind == "scalar" and here.start == here.end and not root.flow:
        key = next(name for name, _ in root.pairs if name.text == kind)
        at = _after_comments(lines, _line_after(lines, key.end), 2)
        return _with(lines, at, _block(entry, 2, 2, 2))
    if here.kind != "list":
        raise fail("gateway-style", f"{kind} is no list", f"{file}: {kind}", f"write {kind}: [] instead")
    dash, step, nested = _style(here, lines)
    at = _after_comments(lines, _line_after(lines, here.items[-1].end), dash)
    return _with(lines, at, _block(entry, dash, step, nested))


def remove(text: str, kind: str, name: str, file: str = FILE) -> str:
    """The text without the entry of this name. Raises StackError where there is none, and where something else in the
    file uses an anchor that stands in it."""
    before = kongfile.read(text, file)
    listed = [item.get("name") if isinstance(item, dict) else None for item in before.get(kind) or []]
    if name not in listed:
        raise fail("gateway-name", f"{kind} has no {name}", f"{file}: {kind}", "./inv route.list")
    root = _root(text)
    here = root.get(kind)
    assert here is not None
    at = listed.index(name)
    _check_anchors(root, here.items[at], f"{file}: {kind}[{at}]")
    edited = _without_flow(text, here, at) if here.flow else _without_lines(text, here, at, f"{file}: {kind}[{at}]")
    left = [item for position, item in enumerate(before[kind]) if position != at]
    return _checked(edited, {**before, kind: left}, f"{file}: {kind}[{at}]", file)


def _without_lines(text: str, here: Node, at: int, where: str) -> str:
    lines = _lines(text)
    first, last = _dash_line(lines, here.items[at].start), _line_after(lines, here.items[at].end)
    if not re.match(r" *-( |$)", lines[first].rstrip("\r\n")):
        raise fail("gateway-style", "it shares a line with something else", where, f"edit {where.partition(':')[0]}")
    if len(here.items) == 1 and first > 0 and lines[first - 1].rstrip("\r\n").endswith(MADE):
        first -= 1
    return _without(lines, first, last)


def _check_anchors(root: Node, node: Node, where: str) -> None:
    """An alias means the anchor of its name before it, so one that is set again is told as well: it may be meant."""
    others = frozenset(use for part in _leaves(root) if not _within(part, node) for use in part.uses)
    used = sorted(node.names & others)
    if used:
        message = f"the rest of the file uses {', '.join(f'*{name}' for name in used)}, which stands in it"
        raise fail("gateway-anchor", message, where, "move the anchor to the first place that uses it")


def _leaves(node: Node) -> Iterator[Node]:
    if node.kind in ("scalar", "alias"):
        yield node
    for item in node.items:
        yield from _leaves(item)
    for key, value in node.pairs:
        yield from _leaves(key)
        yield from _leaves(value)


def _within(part: Node, node: Node) -> bool:
    return node.start <= part.start and part.end <= node.end


# Reading


def _root(text: str) -> Node:
    """The document as places, from the parser's events. The text was read before, so it is one YAML mapping."""
    from ruamel.yaml.events import (
        AliasEvent,
        MappingEndEvent,
        MappingStartEvent,
        ScalarEvent,
        SequenceEndEvent,
        SequenceStartEvent,
    )

    from stack import yamlfile

    events = iter(yamlfile.events(text))

    def node(event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, AliasEvent):
            return Node("alias", start, end, uses=frozenset({str(event.anchor)}))
        names = frozenset({str(event.anchor)} if event.anchor else ())
        if isinstance(event, ScalarEvent):
            return Node("scalar", start, end, text=event.value, names=names)
        if isinstance(event, SequenceStartEvent):
            items = []
            while not isinstance(part := next(events), SequenceEndEvent):
                items.append(node(part))
            end = part.end_mark.index if event.flow_style else max([end, *(one.end for one in items)])
            return Node("list", start, end, bool(event.flow_style), items=tuple(items), names=_names(names, items))
        assert isinstance(event, MappingStartEvent)
        pairs = []
        while not isinstance(part := next(events), MappingEndEvent):
            key = node(part)
            pairs.append((key, node(next(events))))
        both = [one for pair in pairs for one in pair]
        end = part.end_mark.index if event.flow_style else max([end, *(one.end for one in both)])
        return Node("map", start, end, bool(event.flow_style), pairs=tuple(pairs), names=_names(names, both))

    first = next(event for event in events if isinstance(event, MappingStartEvent))
    return node(first)


def _names(own: frozenset[str], parts: list[Node]) -> frozenset[str]:
    return own.union(*(part.names for part in parts))


def _lines(text: str) -> list[str]:
    """The lines, each with its own end."""
    return re.findall(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$", text)


def _at(lines: list[str], offset: int) -> tuple[int, int]:
    """Line and column of a character, from 0."""
    for number, line in enumerate(lines):
        if offset < len(line):
            return number, offset
        offset -= len(line)
    return len(lines), 0


def _line_after(lines: list[str], end: int) -> int:
    """The line after the one on which something ends. What ends at the start of a line is a block scalar: blank lines
    before the next entry count to it only where it keeps them, and may well stay behind."""
    line, column = _at(lines, end)
    if column > 0:
        return line + 1
    while line > 0 and not lines[line - 1].strip():
        line -= 1
    return line


def _after_comments(lines: list[str], line: int, dash: int) -> int:
    """The line after the comments that follow an entry and stand deeper than its dash: they belong to it."""
    while line < len(lines) and re.match(rf" {{{dash + 1},}}#", lines[line]):
        line += 1
    return line


def _dash_line(lines: list[str], start: int) -> int:
    """The line with the dash of an entry, whose content may begin on a later one."""
    line = _at(lines, start)[0]
    while line > 0 and not lines[line].lstrip(" ").startswith("-"):
        line -= 1
    return line


def _style(here: Node, lines: list[str]) -> tuple[int, int, int]:
    """Of a block list: the column of its dashes, from there to the content, and how much deeper a list inside begins
    than its key."""
    (first, dash), (line, content) = _at(lines, here.start), _at(lines, here.items[0].start)
    step = content - dash if line == first else 2
    for item in here.items:
        for key, value in item.pairs:
            if value.kind == "list" and not value.flow and value.items:
                return dash, step, max(_at(lines, value.start)[1] - _at(lines, key.start)[1], 0)
    return dash, step, 2 if dash else 0


# Writing


def _block(entry: dict[str, Any], dash: int, step: int, nested: int) -> list[str]:
    """An entry of a list as lines: `dash` is the column of its dash."""
    inside = " " * (dash + step)
    lines = []
    for key, value in entry.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{inside}{key}:")
            lines += [line for item in value for line in _block(item, dash + step + nested, step, nested)]
        elif isinstance(value, dict):
            lines.append(f"{inside}{key}:")
            lines += _mapping(value, dash + step + 2)
        else:
            lines.append(f"{inside}{key}: {json.dumps(value, ensure_ascii=False)}")
    return [f"{' ' * dash}-{' ' * (step - 1)}{lines[0].lstrip(' ')}", *lines[1:]]


def _mapping(value: dict[str, Any], column: int) -> list[str]:
    lines = []
    for key, item in value.items():
        if isinstance(item, dict):
            lines += [f"{' ' * column}{key}:", *_mapping(item, column + 2)]
        else:
            lines.append(f"{' ' * column}{key}: {json.dumps(item, ensure_ascii=False)}")
    return lines


def _with(lines: list[str], at: int, new: list[str]) -> str:
    """The lines with new ones; a text without a final line end stays one."""
    newline = "\r\n" if lines[0].endswith("\r\n") else "\n"
    if at < len(lines) or not lines or lines[-1].endswith(("\n", "\r")):
        return "".join([*lines[:at], *(line + newline for line in new), *lines[at:]])
    return "".join(lines) + newline + newline.join(new)


def _without(lines: list[str], first: int, last: int) -> str:
    """Without these lines; a text without a final line end stays one."""
    kept = [*lines[:first], *lines[last:]]
    if last == len(lines) and kept and not lines[-1].endswith(("\n", "\r")):
        kept[-1] = kept[-1].rstrip("\r\n")
    return "".join(kept)


def _with_flow(text: str, here: Node, entry: str) -> str:
    if not here.items:
        at = text.index("[", here.start) + 1
        return text[:at] + entry + text[at:]
    at = here.items[-1].end
    return f"{text[:at]}, {entry}{text[at:]}"


def _without_flow(text: str, here: Node, at: int) -> str:
    """Without one entry of a flow list, and the comma on one side of it."""
    first, last = here.items[at].start, here.items[at].end
    if at > 0:
        first = here.items[at - 1].end
    elif len(here.items) > 1:
        last = here.items[1].start
    elif comma := re.match(r"\s*,", text[last:]):
        last += comma.end()
    return text[:first] + text[last:]
