"""Where a part of the gateway's file stands: file and line, of all layers. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from stack.gateway import kongfile

ORIGIN = "\0origin"


def finder(layers: Mapping[str, str]) -> Callable[[str], str]:
    """What tells `file:line: path` for a path in the layers' texts together. The texts must be valid YAML; the path in
    the answer is the one in its own file."""
    lines = {file: _lines(text) for file, text in layers.items()}
    origins = _origins(layers) if len(layers) > 1 else {}
    last = list(layers)[-1]

    def place(path: str) -> str:
        head, bracket, rest = path.partition("]")
        file, start = origins.get(head + bracket, (last, head + bracket))
        path = start + rest
        known = path
        while known and known not in lines[file]:
            known = known[: max(known.rfind("."), known.rfind("["), 0)]
        return f"{file}:{lines[file][known]}: {path}" if known else f"{file}: {path}"

    return place


def _origins(layers: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """For each entry at the top of the layers together: its file, and its place there."""
    marked = []
    for file, text in layers.items():
        document = kongfile.read(text, file)
        marked.append({key: [{**item, ORIGIN: (file, f"{key}[{at}]")} if isinstance(item, dict) else item
                             for at, item in enumerate(items)] if isinstance(items, list) else items
                       for key, items in document.items()})  # fmt: skip
    return {
        f"{key}[{at}]": item[ORIGIN]
        for key, items in kongfile.layered(marked).items() if isinstance(items, list)
        for at, item in enumerate(items) if isinstance(item, dict)
    }  # fmt: skip


def _lines(text: str) -> dict[str, int]:
    """The line of each path, counted from 1."""
    from stack import yamlfile

    found: dict[str, int] = {}
    _walk(yamlfile.nodes(text), "", found)
    return found


def _walk(node: Any, path: str, found: dict[str, int]) -> None:
    for at, item in enumerate(node.value if node is not None and not isinstance(node.value, str) else ()):
        key, value = item if isinstance(item, tuple) else (item, item)
        if not isinstance(item, tuple):
            place = f"{path}[{at}]"
        elif key.value == "<<":
            _walk(value, path, found)
            continue
        else:
            place = f"{path}.{key.value}" if path else str(key.value)
        found.setdefault(place, key.start_mark.line + 1)
        _walk(value, place, found)
