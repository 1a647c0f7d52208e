"""What Kong's schemas refuse of a value: an interpreter of their language. Pure.

Each schema is read once, into a function that checks a value: a file may have thousands of each kind. What the schemas
leave to code, such as whether a host is one, is in forms.py, and what a single value may be in bounds.py."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from stack.gateway import bounds, forms, schema
from stack.gateway.schema import Definition
from stack.names import suggest


class Refusal(NamedTuple):
    """What Kong would say of the value at `path`; `code` as in Problem. The path goes from the value that is checked:
    it is empty for that itself."""

    path: str
    code: str
    message: str


Told = Sequence[Refusal]
Check = Callable[[Any], Told]
NOTHING: Told = ()


@functools.cache
def entity(kind: str) -> Check:
    """What checks an entity of a kind other than plugins."""
    return record(schema.schemas().entities[kind])


@functools.cache
def plugin(name: str) -> Check:
    """What checks an entity of a plugin."""
    return record(schema.plugin(name))


def record(definition: Definition) -> Check:
    """What checks a mapping of this definition."""
    fields: Definition = definition["fields"]
    checks = {name: _field(field) for name, field in fields.items()}
    missing = [(name, told) for name, field in fields.items() if (told := _below(f".{name}", _missing(field)))]
    rules = [_rule(name, told, definition) for each in definition.get("checks", ()) for name, told in each.items()]
    short: Definition = definition.get("short", {})
    shorts = {name: _field(field) for name, field in short.items()}

    def whole(value: dict[str, Any]) -> Told:
        found = [one for name in shorts.keys() & value for one in _below(f".{name}", shorts[name](value[name]))]
        value = schema.spelled_out(short, value)
        for key, item in value.items():
            check = checks.get(key)
            if check is None:
                found.append(Refusal(f".{key}", "gateway-key", f"Kong has no such field{_hint(key, fields)}"))
            elif told := check(item):
                found += _below(f".{key}", told)
        for name, told in missing:
            if name not in value:
                found += told
        for rule in rules:
            found += rule(value)
        return found

    return functools.partial(_addressed, whole) if "url" in short else whole


def _below(place: str, found: Told) -> Told:
    """What is told of a part, as told of the whole that it has this place in."""
    return [Refusal(f"{place}{path}", code, message) for path, code, message in found]


def _addressed(whole: Check, value: dict[str, Any]) -> Told:
    """What is wrong with a service: where it has a url, what that means is checked in place of it."""
    url = value.get("url")
    if not isinstance(url, str):
        return whole(value)
    meant = {} if bounds.PLACEHOLDER in url else forms.service(url)
    rest = {key: item for key, item in value.items() if key != "url"}
    return [_of_url(told, meant) for told in whole({"host": "x", **rest, **meant})]


def _of_url(told: Refusal, meant: dict[str, Any]) -> Refusal:
    """What is told of a field that a url means, as told of that."""
    field = told.path.removeprefix(".")
    if field not in meant:
        return told
    missing = field == "host" and meant[field] is None
    message = "expected an address such as http://name:port" if missing else f"its {field}: {told.message}"
    return Refusal(".url", told.code, message)


def _hint(key: Any, fields: Definition) -> str:
    hint = suggest(str(key), fields)
    return f": {hint}" if hint else ""


def _missing(field: Definition) -> Told:
    """What is told of a field that is not there."""
    if field.get("default") is not None or not field.get("required"):
        return NOTHING
    if field["type"] == "record":
        return record(field)({})
    return NOTHING if field["type"] == "foreign" else [Refusal("", "gateway-value", "Kong asks for this field")]


# One field


def _field(field: Definition) -> Check:
    """What checks the value of a field that is there."""
    kind = field["type"]
    asked = field.get("required") and kind != "foreign"
    lacking = _told("Kong asks for this field, and it has no value") if asked else NOTHING
    banned, mistyped = _told("Kong takes no value here"), _mistyped(f"expected {ARTICLES.get(kind, kind)}")
    if "eq" in field and field["eq"] is None:
        return lambda value: lacking if value is None else banned
    if kind == "any":
        return lambda value: lacking if value is None else NOTHING
    typed, inside, limit = TYPES[kind], _inside(field), bounds.limit(field)

    def check(value: Any) -> Told:
        if value is None:
            return lacking
        if not value and isinstance(value, list | dict):
            value = EMPTY.get(kind, value)
        if not typed(value):
            return mistyped
        if inside and (found := inside(value)):
            return found
        message = limit(value)
        return _told(message) if message else NOTHING

    return check


def _told(message: str) -> Told:
    return [Refusal("", "gateway-value", message)]


def _mistyped(message: str) -> Told:
    return [Refusal("", "gateway-type", message)]


def _inside(field: Definition) -> Check | None:
    """What checks the parts of a value of this field; None where it has none that can be wrong."""
    if field["type"] == "record":
        return record(field) if "fields" in field else None  # of a vault's, the schemas say nothing
    if field["type"] == "map":
        return functools.partial(_map, _field(field["keys"]), _item(field["values"]))
    return functools.partial(_list, _item(field["elements"])) if "elements" in field else None


def _map(keys: Check, values: Check, value: dict[Any, Any]) -> Told:
    pairs = value.items()
    return [one for key, item in pairs for one in _below(f".{key}", [*keys(key), *values(item)])]


def _list(element: Check, value: list[Any]) -> Told:
    found = [(at, told) for at, item in enumerate(value) if (told := element(item))]
    return [one for at, told in found for one in _below(f"[{at}]", told)]


def _item(field: Definition) -> Check:
    """What checks an entry of a list or a mapping: none may be nothing."""
    check, nothing = _field(field), _mistyped(f"expected {ARTICLES.get(field['type'], field['type'])}, not nothing")
    return lambda value: nothing if value is None else check(value)


ARTICLES = {"string": "a string", "integer": "a whole number", "number": "a number", "boolean": "true or false",
            "array": "a list", "set": "a list", "map": "a mapping", "record": "a mapping",
            "foreign": "the bare name of another entry"}  # fmt: skip
EMPTY: dict[str, Any] = {"array": [], "set": [], "map": {}, "record": {}}
"""An empty list and an empty mapping are the same to Lua."""


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str) or not isinstance(value, bool | int | float | list | dict),
    "foreign": lambda value: not isinstance(value, list | dict),
    "integer": lambda value: _number(value) and float(value).is_integer(), "number": _number,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list), "set": lambda value: isinstance(value, list),
    "map": lambda value: isinstance(value, dict), "record": lambda value: isinstance(value, dict),
}  # fmt: skip
"""Whether a value is of a type."""


# Checks of a whole record


def _rule(name: str, told: Any, definition: Definition) -> Check:
    """What checks several fields together."""
    if name == "conditional":
        return _conditional(told, definition)
    if name == "conditional_at_least_one_of":
        return _where(told, definition, _together("at_least_one_of", told["then_at_least_one_of"], definition))
    return _together(name, told, definition)


def _together(name: str, fields: list[str], definition: Definition) -> Check:
    """What checks how many of the fields are given."""
    readers = [(field, schema.reader(definition, field)) for field in fields]
    message = f"Kong wants {WANTED[name]}{', '.join(fields)}"

    def check(value: dict[str, Any]) -> Told:
        given = {field: said for field, read in readers if (said := read(value)) not in (None, "", [], {})}
        broken = {
            "at_least_one_of": not given, "only_one_of": len(given) != 1, "mutually_exclusive": len(given) > 1,
            "mutually_required": 0 < len(given) < len(fields),
            "distinct": len({str(said) for said in given.values()}) < len(given),
        }[name]  # fmt: skip
        return [Refusal(f".{next(iter(given))}" if given else "", "gateway-value", message)] if broken else NOTHING

    return check


WANTED = {
    "at_least_one_of": "at least one of ",
    "only_one_of": "exactly one of ",
    "mutually_exclusive": "only one of ",
    "mutually_required": "all or none of ",
    "distinct": "different values for ",
}


def _where(told: Any, definition: Definition, check: Check) -> Check:
    """A check for where one field fits a condition."""
    subject_of = schema.reader(definition, told["if_field"])

    def where(value: dict[str, Any]) -> Told:
        subject = subject_of(value)
        return check(value) if subject is not None and bounds.fits(told["if_match"], subject) else NOTHING

    return where


def _conditional(told: Any, definition: Definition) -> Check:
    """What checks a field by the value of another one."""
    subject_of, then_of = (schema.reader(definition, told[name]) for name in ("if_field", "then_field"))
    wanted: Definition = told["then_match"]
    check = _where(told, definition, lambda value: _mismatched(told, subject_of(value), then_of(value)))
    # Most often the field is not there, and need not be: then nobody asks for the other one.
    return lambda value: NOTHING if then_of(value) is None and not wanted.get("required") else check(value)


def _mismatched(told: Any, subject: Any, then: Any) -> Told:
    wanted = told["then_match"]
    if then is None:
        what = "Kong asks for this field"
    elif "eq" in wanted and wanted["eq"] is None:
        what = "Kong takes no value here"
    else:
        try:
            what = bounds.rule(wanted, then)
        except (TypeError, AttributeError):  # of another type, which is told anyway
            what = ""
    said = bounds.listed(subject) if isinstance(subject, list) else str(subject).lower()
    message = told.get("then_err") or f"{what} with {told['if_field']} {said}"
    return [Refusal(f".{told['then_field']}", "gateway-value", message)] if what else NOTHING
