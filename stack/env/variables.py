"""The variables that a Compose file refers to, read off its text.

Text, because this comes before every run of Compose (which settings matter follows from it), and parsing
YAML takes many times as long. The property tests hold it against `docker compose config --variables`.
"""

import re
from typing import NamedTuple


class Reference(NamedTuple):
    """`${NAME<operator>argument}`; the operator and the argument are empty for `$NAME` and `${NAME}`."""

    name: str
    operator: str
    argument: str


# The head of a reference in Compose's syntax (compose-go, template/template.go). A default is not part of
# the match, so references inside it are found by the same scan.
_REFERENCE = re.compile(r"\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(:?[-+?]|\}))")

# What may begin where a YAML token may begin. Everything else there is a plain scalar.
_TOKEN = re.compile(
    r"""(?P<skip>[ \t\n]+ | [-?:](?=[ \t\n]|\Z) | [!&*][^ \t\n,\[\]{}]*)
    | (?P<open>[\[{]) | (?P<close>[\]}])
    | (?P<quoted>'(?:''|[^'])*' | "(?:\\.|[^"\\])*")
    | (?P<comment>\#[^\n]*)
    | (?P<block>[|>][-+0-9]*(?=[ \t]*(?:\#[^\n]*)?(?:\n|\Z)))""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(r"(?:[^\n:# \t]|:(?![ \t\n]|\Z)|(?<![ \t])#|[ \t]+(?![#\n \t]))+")
_PLAIN_IN_FLOW = re.compile(r"(?:\$\{[^\n}]*\}|[^\n:# \t,\[\]{}]|:(?![ \t\n]|\Z)|(?<![ \t])#|[ \t]+(?![#\n \t]))+")


def variables(text: str) -> dict[str, str | None]:
    """Every variable that the YAML `text` refers to outside its comments: see `references`."""
    commented = re.search(r"#[^\n]*\$", text)
    return references(without_comments(text) if commented else text)


def references(text: str) -> dict[str, str | None]:
    """Every `$NAME`, `${NAME}`, `${NAME:-default}`, ... in `text`, also inside defaults, with its default as
    written, or None; what counts only where it is set (`${NAME:+text}`) has an empty one. `$$` is no reference. Of
    several references to one name, the first default counts."""
    found: dict[str, str | None] = {}
    for match in _REFERENCE.finditer(text):
        name = match[1] or match[2]
        default = text[match.end() : _closing(text, match.end())] if match[3] in ("-", ":-") else None
        default = "" if match[3] in ("+", ":+") else default
        if name and found.get(name) is None:
            found[name] = default
    return found


def pieces(text: str) -> list[str | Reference]:
    """The `text` as literal parts and references, in their order; `$$` belongs to the literal part as it stands."""
    found: list[str | Reference] = []
    at = 0
    for match in _REFERENCE.finditer(text):
        name = match[1] or match[2]
        if not name or match.start() < at:
            continue
        operator = match[3] if match[3] and match[3] != "}" else ""
        end = _closing(text, match.end()) if operator else match.end()
        found += [text[at : match.start()], Reference(name, operator, text[match.end() : end] if operator else "")]
        at = end + bool(operator)
    return [piece for piece in [*found, text[at:]] if piece]


def without_comments(text: str) -> str:
    """The YAML `text` without its comments; a `#` inside a quoted or a block scalar begins none."""
    kept, position, depth = [], 0, 0
    while position < len(text):
        token = _TOKEN.match(text, position) or (_PLAIN_IN_FLOW if depth else _PLAIN).match(text, position)
        end = token.end() if token else position + 1
        kind = token.lastgroup if token else None
        depth += (kind == "open") - (kind == "close")
        if kind != "comment":
            kept.append(text[position:end])
        position = end
        if kind == "block":
            start, position = _block(text, end)
            kept.append(text[start:position])
    return "".join(kept)


def _closing(text: str, start: int) -> int:
    """Where the brace stands that closes the one opened before `start`, or the end of `text`."""
    depth = 1
    for brace in re.compile(r"[{}]").finditer(text, start):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start()
    return len(text)


def _block(text: str, header_end: int) -> tuple[int, int]:
    """From where to where the content of a block scalar goes whose `|` or `>` ends at `header_end`: up to the
    first line indented less than its first one, which is indented more than the header's own line."""
    header = text[text.rfind("\n", 0, header_end) + 1 : header_end]
    start = text.find("\n", header_end) if "\n" in text[header_end:] else len(text)
    first = re.compile(r"\n(?:[ \t]*\n)*( *)(?=[^ \n])").match(text, start)
    if not first or len(first[1]) <= len(header) - len(header.lstrip(" ")):
        return start, start
    line = rf"(?:[ \t]*| {{{len(first[1])}}}[^\n]*)"
    content = re.compile(rf"(?:\n{line}(?=\n|\Z))*").match(text, start)
    return start, content.end() if content else start
