"""What Kong's schemas refuse of a value: an interpreter of their language. Pure.

schema.json is made of what a running Kong tells of itself (tests/kong_schemas.py); what its schemas leave to code, such
as whether a host is one, is in forms.py."""

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stack.gateway import forms

FILE = Path(__file__).with_name("schema.json")
PLACEHOLDER = "${"
UUID = re.compile("[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
Definition = dict[str, Any]


class Refusal(NamedTuple):
    """What Kong would say of the value at `path`; `code` as in Problem."""

    path: str
    code: str
    message: str


class Schemas(msgspec.Struct, frozen=True):
    """The fields of each kind of entity, and those of each plugin, which take the place of the common ones."""

    source: str
    entities: dict[str, Definition]
    plugins: dict[str, Definition]


@functools.cache
def schemas() -> Schemas:
    """All that schema.json has."""
    return msgspec.json.decode(FILE.read_bytes(), type=Schemas)


@functools.cache
def plugin(name: str) -> Definition:
    """The definition of a plugin's entity; one of an unknown plugin takes any configuration."""
    common = schemas().entities["plugins"]
    own = schemas().plugins.get(name, {"fields": {"config": {"type": "any"}}})
    return {"fields": {**common["fields"], **own["fields"]}, "checks": own.get("checks", [])}


def record(definition: Definition, value: dict[str, Any], path: str) -> Iterator[Refusal]:
    """What is wrong with a mapping, at its place."""
    fields: Definition = definition["fields"]
    if isinstance(value.get("url"), str) and "url" in definition.get("short", ()):
        yield from _addressed(definition, value, path)
        return
    if "short" in definition:
        yield from _shorthand(definition["short"], value, path)
        value = spelled_out(definition["short"], value)
    for key, item in value.items():
        if key in fields:
            yield from _field(fields[key], item, f"{path}.{key}")
        else:
            yield Refusal(f"{path}.{key}", "gateway-key", f"Kong has no such field{_hint(key, fields)}")
    for name in _needed(fields):
        if name not in value:
            yield from _missing(fields[name], f"{path}.{name}")
    for check in definition.get("checks", ()):
        for rule, told in check.items():
            yield from _checked(rule, told, definition, value, path)


NEEDED: dict[int, tuple[Definition, list[str]]] = {}
"""What `_needed` knows: the fields themselves stand beside it, so that their id stays theirs."""


def _needed(fields: Definition) -> list[str]:
    """The fields that are looked at where a value lacks them."""
    if id(fields) not in NEEDED:
        names = [name for name, field in fields.items() if field.get("required") or field.get("type") == "record"]
        NEEDED[id(fields)] = (fields, names)
    return NEEDED[id(fields)][1]


def _addressed(definition: Definition, value: dict[str, Any], path: str) -> Iterator[Refusal]:
    """A service with a url: what that means is checked in place of it."""
    url = value["url"]
    meant = {} if PLACEHOLDER in url else forms.service(url)
    rest = {key: item for key, item in value.items() if key != "url"}
    for told in record(definition, {"host": "x", **rest, **meant}, path):
        field = told.path.removeprefix(f"{path}.")
        missing = field == "host" and meant["host"] is None
        message = "expected an address such as http://name:port" if missing else f"its {field}: {told.message}"
        yield Refusal(f"{path}.url", told.code, message) if field in meant else told


def _hint(key: Any, fields: Definition) -> str:
    from stack.names import suggest

    hint = suggest(str(key), fields)
    return f": {hint}" if hint else ""


def _missing(field: Definition, path: str) -> Iterator[Refusal]:
    if field.get("default") is not None:
        return
    if field["type"] == "record" and field.get("required"):
        yield from record(field, {}, path)
    elif field.get("required") and field["type"] != "foreign":
        yield Refusal(path, "gateway-value", "Kong asks for this field")


def _shorthand(short: Definition, value: dict[str, Any], path: str) -> Iterator[Refusal]:
    for name in short.keys() & value.keys():
        yield from _field(short[name], value[name], f"{path}.{name}")


def spelled_out(short: Definition, value: dict[str, Any]) -> dict[str, Any]:
    """The value with its short fields as those that they mean."""
    if short.keys().isdisjoint(value):
        return value
    result = {key: item for key, item in value.items() if key not in short}
    for name in short.keys() & value.keys():
        inner = result
        *above, last = short[name]["means"]
        for part in above:
            found = inner.get(part)
            inner[part] = inner = dict(found) if isinstance(found, dict) else {}
        if last != name:
            inner.setdefault(last, value[name])
    return result


# One field


def _field(field: Definition, value: Any, path: str) -> Iterator[Refusal]:
    """What is wrong with a value that is there."""
    if value is None:
        if field.get("required") and field["type"] != "foreign":
            yield Refusal(path, "gateway-value", "Kong asks for this field, and it has no value")
        return
    if "eq" in field and field["eq"] is None:
        yield Refusal(path, "gateway-value", "Kong takes no value here")
        return
    kind = field["type"]
    if kind == "any":
        return
    if isinstance(value, list | dict) and not value:  # the same to Lua
        value = [] if kind in ("array", "set") else {} if kind in ("map", "record") else value
    told = _type(kind, value)
    if told:
        yield Refusal(path, "gateway-type", told)
        return
    if isinstance(value, dict) and kind in ("map", "record"):
        inside = list(record(field, value, path) if kind == "record" else _map(field, value, path))
    elif isinstance(value, list) and "elements" in field:
        inside = [one for at, item in enumerate(value) for one in _item(field["elements"], item, f"{path}[{at}]")]
    else:
        inside = []
    yield from inside
    message = "" if inside else _limit(field, value)
    if message:
        yield Refusal(path, "gateway-value", message)


def _item(field: Definition, value: Any, path: str) -> Iterator[Refusal]:
    if value is None:
        yield Refusal(path, "gateway-type", f"expected {ARTICLES.get(field['type'], field['type'])}, not nothing")
    else:
        yield from _field(field, value, path)


def _map(field: Definition, value: dict[Any, Any], path: str) -> Iterator[Refusal]:
    for key, item in value.items():
        yield from _field(field["keys"], key, f"{path}.{key}")
        yield from _item(field["values"], item, f"{path}.{key}")


ARTICLES = {"string": "a string", "integer": "a whole number", "number": "a number", "boolean": "true or false",
            "array": "a list", "set": "a list", "map": "a mapping", "record": "a mapping",
            "foreign": "the bare name of another entry"}  # fmt: skip


def _type(kind: str, value: Any) -> str:
    """What is expected in place of a value of another type; nothing for one of the right type."""
    return "" if TYPES[kind](value) else f"expected {ARTICLES[kind]}"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: not isinstance(value, bool | int | float | list | dict),
    "foreign": lambda value: not isinstance(value, list | dict),
    "integer": lambda value: _number(value) and float(value).is_integer(), "number": _number,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list), "set": lambda value: isinstance(value, list),
    "map": lambda value: isinstance(value, dict), "record": lambda value: isinstance(value, dict),
}  # fmt: skip


def _limit(field: Definition, value: Any) -> str:
    """Which limit of its field a value of the right type breaks; nothing where it keeps all."""
    text = value if isinstance(value, str) else ""
    if PLACEHOLDER in text or (field.get("referenceable") and text.startswith("{vault://")):
        return ""
    rules = field.keys() & LIMITS.keys()
    for rule in sorted(rules, key=ORDER.__getitem__) if len(rules) > 1 else rules:
        if message := LIMITS[rule](value, field[rule]):
            return message
    if isinstance(value, str) and "len_min" not in field and not value:
        return "it is empty"
    return forms.wrong(field["form"], value) if "form" in field and not isinstance(value, list) else ""


def _told(broken: bool, message: str) -> str:
    return message if broken else ""


def _matches(pattern: str, value: str) -> bool:
    """Whether a Lua pattern of the schemas is found in the bytes of a text."""
    return bool(_lua(pattern).search(value.encode(errors="surrogateescape").decode("latin-1")))


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
    return next((rule["err"] for rule in rules if _matches(rule["pattern"], value) is found), "")


def _any(patterns: list[str], value: str) -> bool:
    return any(_matches(pattern, value) for pattern in patterns)


def _listed(choices: list[Any]) -> str:
    return ", ".join(str(choice) for choice in choices)


def _apart(value: list[Any], families: list[list[str]]) -> str:
    met = [family for family in families if set(family) & {item for item in value if isinstance(item, str)}]
    return _told(len(met) > 1, f"these don't go together: {' and '.join(_listed(family) for family in met)}")


LIMITS = {
    "eq": lambda value, wanted: _told(value != wanted, f"must be {str(wanted).lower()}"),
    "not_one_of": lambda value, choices: f"must not be one of {_listed(choices)}" if value in choices else "",
    "one_of": lambda value, choices: "" if value in choices else f"expected one of {_listed(choices)}",
    "gt": lambda value, limit: _told(value <= limit, f"must be greater than {limit}"),
    "timestamp": lambda value, _: _told(value <= 0, "expected a time in seconds"),
    "uuid": lambda value, _: _told(not UUID.fullmatch(value), "expected a UUID"),
    "is_regex": lambda value, _: forms.wrong("regex", value),
    "between": lambda value, ends: _told(not ends[0] <= value <= ends[1], f"must be from {ends[0]} to {ends[1]}"),
    "len_eq": lambda value, length: _told(len(value) != length, f"must have {length} entries"),
    "len_min": lambda value, length: _told(len(value) < length, "it is empty" if length == 1 else "it is too short"),
    "len_max": lambda value, length: _told(len(value) > length, f"must not be longer than {length}"),
    "starts_with": lambda value, start: _told(not value.startswith(start), f"must start with {start}"),
    "match_none": lambda value, rules: _first(rules, value, True),
    "match": lambda value, pattern: _told(not _matches(pattern, value), f"does not fit Kong's pattern {pattern}"),
    "match_all": lambda value, rules: _first(rules, value, False),
    "match_any": lambda value, rule: _told(not _any(rule["patterns"], value), rule.get("err", "not one of these")),
    "contains": lambda value, wanted: _told(wanted not in value, f"must have {wanted}"),
    "mutually_exclusive_subsets": _apart,
}  # fmt: skip
"""Kong's limits in its own order; each gives the words for a value that breaks it."""
ORDER = {rule: at for at, rule in enumerate(LIMITS)}


# Checks of a whole record


def at(definition: Definition, value: Any, name: str) -> Any:
    """The value of a field named as in `redis.host`, or its default where it has none."""
    for part in name.split("."):
        if "short" in definition and isinstance(value, dict):
            value = spelled_out(definition["short"], value)
        definition = definition.get("fields", {}).get(part, {})
        if not isinstance(value, dict) or value.get(part) is None:
            value = definition.get("default") if not isinstance(value, dict) or part not in value else None
        else:
            value = value[part]
        if value is None and definition.get("type") == "record" and definition.get("required"):
            value = {}
    return value


def _checked(rule: str, told: Any, definition: Definition, value: dict[str, Any], path: str) -> Iterator[Refusal]:
    """What a check across fields says."""
    if rule == "conditional":
        yield from _conditional(told, definition, value, path)
        return
    names = told["then_at_least_one_of"] if rule == "conditional_at_least_one_of" else told
    given = [name for name in names if at(definition, value, name) not in (None, "", [], {})]
    if rule == "conditional_at_least_one_of":
        subject = at(definition, value, told["if_field"])
        broken = subject is not None and _fits(told["if_match"], subject) and not given
        rule = "at_least_one_of"
    elif rule == "distinct":
        broken = len({str(at(definition, value, name)) for name in given}) < len(given)
    else:
        broken = {
            "at_least_one_of": not given, "only_one_of": len(given) != 1, "mutually_exclusive": len(given) > 1,
            "mutually_required": bool(given) and len(given) < len(names),
        }[rule]  # fmt: skip
    if broken:
        place = f"{path}.{given[0]}" if given else path
        yield Refusal(place, "gateway-value", f"Kong wants {WANTED[rule]}{', '.join(names)}")


WANTED = {
    "at_least_one_of": "at least one of ",
    "only_one_of": "exactly one of ",
    "mutually_exclusive": "only one of ",
    "mutually_required": "all or none of ",
    "distinct": "different values for ",
}


def _conditional(told: Any, definition: Definition, value: dict[str, Any], path: str) -> Iterator[Refusal]:
    subject = at(definition, value, told["if_field"])
    if subject is None or not _fits(told["if_match"], subject):
        return
    then = at(definition, value, told["then_field"])
    wanted = told["then_match"]
    asked = wanted.get("required") and then is None
    banned = "eq" in wanted and wanted["eq"] is None and then is not None
    if asked or banned or (then is not None and not _fits(wanted, then)):
        because = f"with {told['if_field']} {_listed(subject) if isinstance(subject, list) else str(subject).lower()}"
        what = "Kong asks for this field" if asked else "Kong takes no value here" if banned else _rule(wanted, then)
        yield Refusal(f"{path}.{told['then_field']}", "gateway-value", told.get("then_err") or f"{what} {because}")


def _rule(wanted: Definition, value: Any) -> str:
    return next((text for rule, limit in wanted.items() if rule in LIMITS and (text := LIMITS[rule](value, limit))), "")


def _fits(wanted: Definition, value: Any) -> bool:
    """Whether a value keeps the rules of a condition; one of another type is told elsewhere, and keeps none."""
    try:
        inside = all(_fits(wanted["elements"], item) for item in value) if "elements" in wanted else True
        return inside and not _rule({key: rule for key, rule in wanted.items() if rule is not None}, value)
    except (TypeError, AttributeError):
        return False


# What is not said


def filled(definition: Definition, value: dict[str, Any]) -> dict[str, Any]:
    """A right value with what its schema says where it says nothing; None where that says nothing either."""
    said = spelled_out(definition.get("short", {}), value)
    return {name: or_default(field, said.get(name)) for name, field in definition["fields"].items()}


def or_default(field: Definition, value: Any) -> Any:
    """The whole of a field's value: its default for None, and a record filled."""
    given = field.get("default") if value is None else value
    if field["type"] == "record":
        return filled(field, given if isinstance(given, dict) else {})
    return given


def config(name: str, value: Any) -> dict[str, Any]:
    """The whole configuration of a plugin; what stands there, where no such plugin is known."""
    said, field = value if isinstance(value, dict) else {}, plugin(name)["fields"]["config"]
    return filled(field, said) if field["type"] == "record" else said
