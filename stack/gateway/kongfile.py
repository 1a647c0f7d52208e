"""Kong's declarative format: reading a file into entities, and writing one that Kong reads as meant."""

import functools
import json
import math
import re
from typing import Any, NamedTuple

from stack import yamlfile
from stack.errors import fail

FILE = "kong/kong.yml"

# What Kong 3.9's DB-less loader accepts at the top level; it refuses anything else.
SETTINGS = frozenset({"_format_version", "_transform", "_comment", "_ignore"})
KINDS = frozenset(
    {"services", "routes", "plugins", "upstreams", "targets", "consumers", "acls", "vaults", "filter_chains"}
    | {"keyauth_credentials", "basicauth_credentials", "hmacauth_credentials", "oauth2_credentials"}
    | {"jwt_secrets", "keys", "key_sets", "certificates", "ca_certificates", "snis"}
)

# What may be nested in an entity, and the field by which the same thing refers to it from elsewhere.
CHILDREN = {
    "services": ("service", ("routes", "plugins", "filter_chains")),
    "routes": ("route", ("plugins", "filter_chains")),
    "upstreams": ("upstream", ("targets",)),
    "certificates": ("certificate", ("snis",)),
    "key_sets": ("set", ("keys",)),
    "consumers": (
        "consumer",
        (
            "plugins",
            "keyauth_credentials",
            "basicauth_credentials",
            "acls",
            "jwt_secrets",
            "hmacauth_credentials",
            "oauth2_credentials",
        ),
    ),
}
UNPRINTABLE = "[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"  # JSON allows these as they are, YAML only escaped
WORDS = ("yes", "off", "true", "false", "null")  # of three letters or more: no strings in YAML 1.1
REFERENCES = {field: kind for kind, (field, _) in CHILDREN.items()}
PARENTS = {kind: [field for field, nested in CHILDREN.values() if kind in nested] for kind in sorted(KINDS)}
"""The fields by which an entity of a kind names what it belongs to."""


class Entity(NamedTuple):
    """One thing of the file. `path` is its place, as in services[0].routes[1]. `parents` maps service, route,
    consumer or upstream to the path of the one it belongs to, or to None where the file has no such one."""

    kind: str
    path: str
    value: dict[str, Any]
    parents: dict[str, str | None]


class Entities(dict[str, list[Entity]]):
    """All entities of a file by kind, in the file's order; a kind that does not occur is empty. What is asked for every
    route is found at once: a file may have thousands."""

    def __missing__(self, kind: str) -> list[Entity]:
        return []

    @functools.cached_property
    def upstreams(self) -> dict[str, Entity]:
        """The upstreams by name, the first of each."""
        return {name: one for one in reversed(self["upstreams"]) if isinstance(name := one.value.get("name"), str)}

    @functools.cached_property
    def targets(self) -> dict[str | None, list[Entity]]:
        """The targets by the path of their upstream."""
        found: dict[str | None, list[Entity]] = {}
        for one in self["targets"]:
            found.setdefault(one.parents.get("upstream"), []).append(one)
        return found

    @functools.cached_property
    def running(self) -> dict[str, dict[str, Entity]]:
        """What `declared.plugins_of` found already, by the route's path."""
        return {}

    @functools.cached_property
    def plugins(self) -> dict[tuple[str | None, str | None], list[tuple[int, Entity]]]:
        """The plugins that run whoever asks, with their positions in the file, by the paths of the route and the
        service that each belongs to; one is empty where it belongs to none."""
        found: dict[tuple[str | None, str | None], list[tuple[int, Entity]]] = {}
        for at, one in enumerate(self["plugins"]):
            if one.parents.keys() <= {"route", "service"}:
                found.setdefault((one.parents.get("route", ""), one.parents.get("service", "")), []).append((at, one))
        return found


def read(text: str, file: str = FILE) -> dict[str, Any]:
    """The document. Raises StackError on a syntax error, a duplicate key, and anything but a mapping."""
    document = yamlfile.load(file, text)
    try:
        json.dumps(document, default=str, skipkeys=True)
    except ValueError:
        raise fail("gateway-yaml", "an anchor contains itself", file) from None
    if not isinstance(document, dict):
        raise fail("gateway-yaml", "expected a mapping with _format_version and services", file)
    return document


def entities(document: dict[str, Any]) -> Entities:
    """Everything in the document, nested or not, with what it belongs to."""
    found = Entities()
    for kind, items in document.items():
        if kind in KINDS:
            _collect(found, kind, kind, items, {})
    places = {
        (kind, str(entity.value[key])): entity.path
        for kind in CHILDREN
        for entity in found[kind]
        for key in ("id", "username", "name")
        if entity.value.get(key) is not None
    }
    for kind, fields in PARENTS.items():
        for entity in found[kind]:
            for field in fields:
                if (name := entity.value.get(field)) is not None:
                    entity.parents[field] = places.get((REFERENCES[field], str(name)))
    return found


def _collect(found: Entities, kind: str, path: str, items: Any, parents: dict[str, str | None]) -> None:
    for position, item in enumerate(items if isinstance(items, list) else []):
        if not isinstance(item, dict):
            continue
        place = f"{path}[{position}]"
        found.setdefault(kind, []).append(Entity(kind, place, item, dict(parents)))
        field, nested = CHILDREN.get(kind, ("", ()))
        for child in nested:
            if child in item:
                _collect(found, child, f"{place}.{child}", item[child], {field: place})


def layered(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Several files as one, the later over the earlier: an entity takes the place of the one of its name, or comes
    behind the others."""
    result: dict[str, Any] = {}
    for document in documents:
        for key, value in document.items():
            both = key in KINDS and isinstance(value, list) and isinstance(result.get(key), list)
            result[key] = _over(result[key], value) if both else value
    return result


def _over(below: list[Any], above: list[Any]) -> list[Any]:
    taken = [name for item in above if (name := called(item))]
    return [*(item for item in below if called(item) not in taken), *above]


def called(item: Any) -> tuple[str, ...]:
    """What an entity is known by: its name, and of a plugin also what it belongs to."""
    if not isinstance(item, dict) or not (name := item.get("name") or item.get("username")):
        return ()
    return (str(name), *(str(item.get(field)) for field in REFERENCES))


def without(document: dict[str, Any], dropped: set[str], path: str = "") -> dict[str, Any]:
    """A copy of the document that lacks the entities at these paths."""
    result = {}
    for key, value in document.items():
        place = f"{path}{key}"
        if key in KINDS and isinstance(value, list):
            result[key] = [
                without(item, dropped, f"{place}[{position}].") if isinstance(item, dict) else item
                for position, item in enumerate(value)
                if f"{place}[{position}]" not in dropped
            ]
        else:
            result[key] = value
    return result


def write(value: Any) -> str:
    """The document as YAML in which every string is double-quoted. Kong reads YAML 1.1, where an unquoted
    on, no or 12:30 is not a string, and ruamel leaves just those unquoted."""
    return "\n".join(_lines(value, "")) + "\n"


def _lines(value: Any, indent: str) -> list[str]:
    if isinstance(value, dict) and value:
        lines = []
        for key, item in value.items():
            lines += _item(f"{indent}{_key(key)}:", item, indent)
        return lines
    if isinstance(value, list) and value:
        lines = []
        for item in value:
            nested = _lines(item, f"{indent}  ")
            lines += [f"{indent}- {nested[0].lstrip(' ')}", *nested[1:]]
        return lines
    return [f"{indent}{_scalar(value)}"]


def _item(start: str, value: Any, indent: str) -> list[str]:
    if isinstance(value, dict | list) and value:
        return [start, *_lines(value, f"{indent}  ")]
    return [f"{start} {_scalar(value)}"]


@functools.lru_cache(maxsize=4096, typed=True)
def _key(key: Any) -> str:
    plain = isinstance(key, str) and re.fullmatch(r"[a-z_]{3,}", key) and key not in WORDS
    return str(key) if plain else _scalar(key)


def _scalar(value: Any) -> str:
    if isinstance(value, str) and value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value}".replace("inf", ".inf").replace("nan", ".nan")
    if value is None or isinstance(value, bool | int | float | dict | list):
        return json.dumps(value)
    quoted = json.dumps(str(value), ensure_ascii=False)
    return re.sub(UNPRINTABLE, lambda found: f"\\u{ord(found[0]):04x}", quoted)
