"""What a `.dockerignore` leaves out of a build, by Docker's own rules (moby/patternmatcher): a name without a slash is
of the folder itself alone, `**` is for any depth, and the last line that matches a path, or a folder above it,
counts."""

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple


class Rule(NamedTuple):
    """A line: what it matches, and whether that is left out or, after `!`, taken in again."""

    pattern: re.Pattern[str]
    out: bool


def rules(text: str) -> list[Rule]:
    """The lines of a `.dockerignore`, in their order."""
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines() if not line.startswith("#")]
    return [rule for line in lines if line for rule in _rule(line)]


def _rule(line: str) -> list[Rule]:
    name = line.removeprefix("!").strip()
    try:
        return [Rule(re.compile(_expression(posixpath.normpath(name).lstrip("/")), re.DOTALL), name == line)]
    except re.error:
        # Docker refuses the build, in its own words.
        return []


WORDS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
GLOB = re.compile(r"\*\*/|\*\*|[*?]|\\.|\[[^\]]+\]|.", re.DOTALL)


def _expression(pattern: str) -> str:
    """A pattern as a regular expression; a set of characters, `[a-z]`, is written in the same way there."""
    return "".join(_meaning(word) for word in GLOB.findall(pattern))


def _meaning(word: str) -> str:
    if word in WORDS:
        return WORDS[word]
    # The last character of what is escaped is meant as it stands.
    return word if word.endswith("]") and len(word) > 2 else re.escape(word[-1])


def leaves_out(rules: Iterable[Rule], path: str) -> bool:
    """Whether a path, relative to the build's folder and with slashes, is left out."""
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    found = False
    for rule in rules:
        if any(rule.pattern.fullmatch(one) for one in above):
            found = rule.out
    return found
