"""Which values of the right type the fields of Kong's schemas refuse: patterns, choices, lengths and the like. Pure."""

import functools
import re
from collections.abc import Callable
from typing import Any

from stack.gateway import forms
from stack.gateway.schema import Definition

PLACEHOLDER = "${"
UUID = re.compile("[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def limit(field: Definition) -> Callable[[Any], str]:
    """What says which limit of this field a value of the right type breaks: nothing where it keeps all."""
    rules = [(broken, field[rule]) for rule, broken in LIMITS.items() if rule in field]
    form = forms.FORMS[field["form"]] if "form" in field else None
    vaults, empties = field.get("referenceable"), "len_min" in field

    def broken(value: Any) -> str:
        text = isinstance(value, str)
        if text and (PLACEHOLDER in value or (vaults and value.startswith("{vault://"))):
            return ""
        for rule, told in rules:
            if message := rule(value, told):
                return message
        if text and not value and not empties:
            return "it is empty"
        return form(value) if form and not isinstance(value, list) else ""

    return broken


def rule(wanted: Definition, value: Any) -> str:
    """The first of these rules, in their order, that a value breaks."""
    return next((text for rule, told in wanted.items() if rule in LIMITS and (text := LIMITS[rule](value, told))), "")


def fits(wanted: Definition, value: Any) -> bool:
    """Whether a value keeps the rules of a condition; one of another type is told elsewhere, and keeps none."""
    try:
        inside = all(fits(wanted["elements"], item) for item in value) if "elements" in wanted else True
        return inside and not rule({key: told for key, told in wanted.items() if told is not None}, value)
    except (TypeError, AttributeError):
        return False


def listed(choices: list[Any]) -> str:
    """Values as words."""
    return ", ".join(str(choice) for choice in choices)


def _matches(pattern: str, value: str) -> bool:
    """Whether a Lua pattern of the schemas is found in the bytes of a text."""
    letters = value if value.isascii() else value.encode(errors="surrogateescape").decode("latin-1")
    return bool(_lua(pattern).search(letters))


@functools.cache
def _lua(pattern: str) -> re.Pattern[str]:
    """A Lua pattern as a regular expression. Those of the schemas have of Lua's own only %-classes."""
    classes = {"u": "A-Z", "d": "0-9", "w": "A-Za-z0-9", "p": "!-/:-@\\[-`{-~"}
    inside = re.sub(r"\[[^]]*\]", lambda found: re.sub("%(.)", lambda m: _class(m[1], classes), found[0]), pattern)
    text = re.sub(r"%(.)", lambda m: f"[{classes[m[1]]}]" if m[1] in classes else re.escape(m[1]), inside)
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", text), re.DOTALL)


def _class(letter: str, classes: dict[str, str]) -> str:
    return classes.get(letter, re.escape(letter) if letter != "%" else "\\x25")


def _first(rules: list[dict[str, str]], value: str, found: bool) -> str:
    for rule in rules:
        if _matches(rule["pattern"], value) is found:
            return rule["err"]
    return ""


def _any(patterns: list[str], value: str) -> bool:
    return any(_matches(pattern, value) for pattern in patterns)


def _apart(value: list[Any], families: list[list[str]]) -> str:
    met = [family for family in families if set(family) & {item for item in value if isinstance(item, str)}]
    return "" if len(met) < 2 else f"these don't go together: {' and '.join(listed(family) for family in met)}"


LIMITS: dict[str, Callable[[Any, Any], str]] = {
    "eq": lambda value, wanted: "" if value == wanted else f"must be {str(wanted).lower()}",
    "not_one_of": lambda value, choices: f"must not be one of {listed(choices)}" if value in choices else "",
    "one_of": lambda value, choices: "" if value in choices else f"expected one of {listed(choices)}",
    "gt": lambda value, least: "" if not value <= least else f"must be greater than {least}",
    "timestamp": lambda value, _: "" if not value <= 0 else "expected a time in seconds",
    "uuid": lambda value, _: "" if UUID.fullmatch(value) else "expected a UUID",
    "is_regex": lambda value, _: forms.wrong("regex", value),
    "between": lambda value, ends: "" if ends[0] <= value <= ends[1] else f"must be from {ends[0]} to {ends[1]}",
    "len_eq": lambda value, length: "" if len(value) == length else f"must have {length} entries",
    "len_min": lambda value, length: (
        "" if len(value) >= length else "it is empty" if length == 1 else "it is too short"
    ),
    "len_max": lambda value, length: "" if len(value) <= length else f"must not be longer than {length}",
    "starts_with": lambda value, start: "" if value.startswith(start) else f"must start with {start}",
    "match_none": lambda value, rules: _first(rules, value, True),
    "match": lambda value, pattern: "" if _matches(pattern, value) else f"does not fit Kong's pattern {pattern}",
    "match_all": lambda value, rules: _first(rules, value, False),
    "match_any": lambda value, rule: "" if _any(rule["patterns"], value) else rule.get("err", "not one of these"),
    "contains": lambda value, wanted: "" if wanted in value else f"must have {wanted}",
    "mutually_exclusive_subsets": _apart,
}
"""Kong's limits in its own order; each gives the words for a value that breaks it."""
