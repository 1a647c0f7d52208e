"""The schemas of Kong's entities and plugins, and what they say where a file says nothing. Pure.

schema.json is made of what a running Kong tells of itself (tests/kong_schemas.py); what its schemas refuse is in
checker.py."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

FILE = Path(__file__).with_name("schema.json")
Definition = dict[str, Any]


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


def reader(definition: Definition, name: str) -> Callable[[Any], Any]:
    """What reads the field that is named as in `redis.host` from a value; its default where that has none."""
    part, _, rest = name.partition(".")
    short: Definition = definition.get("short", {})
    field: Definition = definition.get("fields", {}).get(part, {})
    default = field.get("default")
    nothing: Definition | None = {} if field.get("type") == "record" and field.get("required") else None
    inner = reader(field, rest) if rest else None

    def read(value: Any) -> Any:
        found = spelled_out(short, value).get(part, default) if isinstance(value, dict) else default
        if found is None:
            found = nothing
        return inner(found) if inner else found

    return read


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
