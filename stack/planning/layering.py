"""What a file says and Compose makes something else of, once it is laid over others: numbers and dates without quotes
become other texts, and a short `depends_on` waits for less than the long one below it.

Tried with Compose 2.40.3 and 5.6.1."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from stack import compose, tree, yamlfile
from stack.errors import Problem
from stack.planning.planner import Planned

TEXTS = ("environment", "labels", "args", "annotations")
"""Mappings whose values are texts to the program, whatever they are to YAML."""
SUSPECT = re.compile(r":[ \t]+[-+]?(0[0-9a-zA-Z_]|\d[\d_]*[._eE-]|\.\d)")
SHORT = re.compile(r"depends_on:[ \t]*(\[|(#.*)?\n[ \t]*-)")
DATE = re.compile(r"\d{4}-\d\d?-\d\d?([Tt ].*)?")
WHOLE = re.compile(r"[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
FLOAT = re.compile(r"[-+]?(\.\d+|\d[\d_]*(\.\d*)?)([eE][-+]?\d+)?")
BASES = {"0b": 2, "0o": 8, "0x": 16}


def problems(planned: Planned) -> list[Problem]:
    """A warning for each such place in the planned files and in the user's compose.override.yaml."""
    root = planned.checkout.root
    own = [name for name in compose.override(root)[1:] if name not in planned.plan.files]
    texts = {path: yamlfile.decode(path, tree.read(root / path)) for path in [*planned.plan.files, *own]}
    layers = [path for path in texts if path in own or not path.startswith("compose/")]
    short = any(SHORT.search(texts[path]) for path in layers)
    # Parsing is slow: a file is read where it may hold such a number, and all with edges only where one is short.
    suspect = {path: text for path, text in texts.items() if SUSPECT.search(text) or (short and "depends_on" in text)}
    return _kept(root, suspect) if suspect else []


def _kept(root: Path, texts: Mapping[str, str]) -> list[Problem]:
    """What is found in these files, from the last time that they and this module were the same."""
    code = Path(__file__).stat()
    key = tree.digest(repr((code.st_size, code.st_mtime_ns, texts)).encode())
    cache = root / tree.GENERATED / "cache" / f"layering-{key[:24]}.json"
    found = tree.recall(cache, list[Problem])
    if found is None:
        found = list(_found(texts))
        tree.remember(cache, msgspec.json.encode(found))
    return found


def _found(texts: Mapping[str, str]) -> Iterator[Problem]:
    waits: dict[str, dict[str, str]] = {}
    for path, text in texts.items():
        top = yamlfile.nodes(text)
        yield from scalars(path, top)
        yield from weakened(path, top, waits)


def scalars(path: str, top: Any) -> Iterator[Problem]:
    """A warning for each value of a text that stands without quotes and reaches the program as another. Pure."""
    for service, raw in _pairs(dict(_pairs(top)).get("services")):
        parts = dict(_pairs(raw))
        for section, holder in [*parts.items(), *_pairs(parts.get("build"))]:
            for key, value in _pairs(holder) if section in TEXTS else ():
                made = "" if value.style or not isinstance(value.value, str) else read(value.value)
                if made and made != value.value:
                    message = f"{service}'s {key} is {value.value} without quotes, of which Compose makes {made}"
                    where = f"{path}:{value.start_mark.line + 1}"
                    yield Problem("unquoted", message, where, f'write {key}: "{value.value}"')


def weakened(path: str, top: Any, waits: dict[str, dict[str, str]]) -> Iterator[Problem]:
    """A warning for each short edge over a long one that waits for more. `waits` has the long ones of the files below,
    and is given those of this one. Pure but for that."""
    for service, raw in _pairs(dict(_pairs(top)).get("services")):
        node = dict(_pairs(raw)).get("depends_on")
        if node is None:
            continue
        for item in node.value if isinstance(node.value, list) and not _pairs(node) and not _tagged(node) else ():
            condition = waits.get(service, {}).get(item.value, "")
            if condition:
                message = (
                    f"{service} waits for {item.value} to be started only, as a short depends_on lies over {condition}"
                )
                fix = f"write depends_on: {{{item.value}: {{condition: {condition}}}}}"
                yield Problem("weaker-wait", message, f"{path}:{item.start_mark.line + 1}", fix)
        for to, edge in _pairs(node):
            condition = next((str(value.value) for key, value in _pairs(edge) if key == "condition"), "")
            waits.setdefault(service, {})[to] = "" if condition == "service_started" else condition


def read(text: str) -> str:
    """What Compose makes of a plain word, where that is a number or a date to it; empty for any other word. Pure."""
    if DATE.fullmatch(text):
        return "a date with its time, or an error"
    if WHOLE.fullmatch(text):
        return _whole(text)
    return _float(text) if FLOAT.fullmatch(text) else ""


def _whole(text: str) -> str:
    sign, digits = ("-" if text[0] == "-" else ""), text.lstrip("+-").replace("_", "")
    base = BASES.get(digits[:2].lower(), 8 if digits[0] == "0" and len(digits) > 1 else 10)
    try:
        return f"{sign}{int(digits, base)}"
    except ValueError:  # 08 and 09 are none of base 8
        return _float(digits)


def _float(text: str) -> str:
    """As Go prints the shortest digits of it (strconv, format g)."""
    value = float(text.replace("_", ""))
    plain = repr(value).removesuffix(".0")
    if value and not 1e-4 <= abs(value) < 1e6:
        return next(text for n in range(18) if float(text := f"{value:.{n}e}") == value)
    return plain


def _pairs(node: Any) -> list[tuple[str, Any]]:
    """The keys and values of a mapping; none of anything else."""
    items = getattr(node, "value", None)
    pairs = [item for item in items if isinstance(item, tuple)] if isinstance(items, list) else []
    return [(str(key.value), value) for key, value in pairs]


def _tagged(node: Any) -> bool:
    """Whether a tag of Compose's says that it replaces what is below it."""
    return str(node.tag).startswith("!")
