"""kong/kong.yml and what is made of it, held to the schemas of a running Kong."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stack import yamlfile
from stack.gateway import kongfile
from stack.gateway.effective import effective

ROOT = Path(__file__).parents[2]
SCHEMAS = Path(__file__).parent / "kong-schemas"
NESTED = {kind: set(children) for kind, (_, children) in kongfile.CHILDREN.items()}


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text())
    return loaded


def lua(pattern: str) -> str:
    """A Lua pattern, of the kind that the schemas hold, as a regular expression."""
    return re.sub(r"%(\W)", r"\\\1", pattern.replace("%u", "[A-Z]"))


TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
    "array": (list,), "set": (list,), "map": (dict,), "record": (dict,), "foreign": (str,),
}  # fmt: skip


def is_a(kind: str, value: Any) -> bool:
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def wrong(field: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    """What Kong would say of a value."""
    if value is None:
        if field.get("required") and "default" not in field and field["type"] not in ("record", "foreign"):
            yield f"{path}: required field missing"
        return
    if "eq" in field:
        yield f"{path}: must be {field['eq']}"
    if not is_a(field["type"], value):
        yield f"{path}: expected a {field['type']}"
        return
    yield from limits(field, value, path)
    if field["type"] == "record":
        yield from record(field, value, path)
    for position, item in enumerate(value if isinstance(value, list) else []):
        yield from wrong(field["elements"], item, f"{path}[{position}]")
    if field["type"] == "map":
        for key, item in value.items():
            yield from wrong(field["keys"], key, f"{path}.{key}")
            yield from wrong(field["values"], item, f"{path}.{key}")


def limits(field: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    if "one_of" in field and value not in field["one_of"]:
        yield f"{path}: expected one of {field['one_of']}"
    if "between" in field and not field["between"][0] <= value <= field["between"][1]:
        yield f"{path}: expected a number in {field['between']}"
    if "gt" in field and not value > field["gt"]:
        yield f"{path}: must be greater than {field['gt']}"
    shortest = field.get("len_min", 1 if isinstance(value, str) else 0)
    if isinstance(value, str | list | dict) and len(value) < shortest:
        yield f"{path}: too short"
    if isinstance(value, str):
        yield from shapes(field, value, path)


def shapes(field: dict[str, Any], value: str, path: str) -> Iterator[str]:
    exact = [{"pattern": field["match"], "err": f"does not match {field['match']}"}] if "match" in field else []
    either = field.get("match_any", {"patterns": [""], "err": ""})
    if not value.startswith(field.get("starts_with", "")):
        yield f"{path}: must start with {field['starts_with']}"
    for rule in [*exact, *field.get("match_all", ())]:
        if not re.search(lua(rule["pattern"]), value):
            yield f"{path}: {rule['err']}"
    for rule in field.get("match_none", ()):
        if re.search(lua(rule["pattern"]), value):
            yield f"{path}: {rule['err']}"
    if not any(re.search(lua(pattern), value) for pattern in either["patterns"]):
        yield f"{path}: {either['err']}"


def record(definition: dict[str, Any], value: dict[str, Any], path: str) -> Iterator[str]:
    fields = {name: field for entry in definition["fields"] for name, field in entry.items()}
    fields |= {name: field for entry in definition.get("shorthand_fields", ()) for name, field in entry.items()}
    for key in value.keys() - fields.keys():
        yield f"{path}.{key}: unknown field"
    for name, field in fields.items():
        yield from wrong(field, value.get(name), f"{path}.{name}")
    for rule in definition.get("entity_checks", ()):
        for need, least, most in (("at_least_one_of", 1, 99), ("only_one_of", 0, 1)):
            if need in rule and not least <= sum(at(value, name) is not None for name in rule[need]) <= most:
                yield f"{path}: {need} {rule[need]}"


def at(value: Any, name: str) -> Any:
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def entity(kind: str, value: dict[str, Any], path: str) -> Iterator[str]:
    """An entity with all that is nested in it."""
    own = {key: item for key, item in value.items() if key not in NESTED.get(kind, ())}
    if kind == "services" and "url" in own:
        scheme, host, port, base = re.fullmatch(r"(\w+)://([^:/]+)(?::(\d+))?(/.*)?", own.pop("url")).groups()  # type: ignore[union-attr]
        own |= {"protocol": scheme, "host": host, "port": int(port or 80), "path": base}
    definition: dict[str, Any] = schema(kind)
    if kind == "plugins":
        plugin = schema(f"plugins/{own['name']}")
        own.setdefault("config", {})
        overridden = {name for entry in plugin["fields"] for name in entry}
        common = [entry for entry in definition["fields"] if not overridden & entry.keys()]
        definition = {"fields": common + plugin["fields"], "entity_checks": plugin["entity_checks"]}
    yield from record(definition, own, path)
    for child in NESTED.get(kind, set()) & value.keys():
        for position, item in enumerate(value[child]):
            yield from entity(child, item, f"{path}.{child}[{position}]")


def refusals(text: str) -> list[str]:
    document = kongfile.read(text)
    assert document["_format_version"] == "3.0"
    return [
        line
        for kind, items in document.items()
        if kind in kongfile.KINDS
        for position, item in enumerate(items)
        for line in entity(kind, item, f"{kind}[{position}]")
    ]


KONG_YML = (ROOT / "kong" / "kong.yml").read_text()
SERVICES = sorted(
    {str(s.value["url"]).split("/")[2].split(":")[0] for s in kongfile.entities(kongfile.read(KONG_YML))["services"]}
)


def test_kong_accepts_the_file_in_the_repository() -> None:
    assert refusals(KONG_YML) == []


@pytest.mark.parametrize("planned", [[], SERVICES, *([name] for name in SERVICES)], ids=" ".join)
def test_kong_accepts_the_file_made_for_a_plan(planned: list[str]) -> None:
    assert refusals(effective(KONG_YML, planned)) == []


def fragment() -> dict[str, Any]:
    text = (ROOT / "compose" / "kong-api-gateway.yml").read_text()
    service: dict[str, Any] = yamlfile.load("kong-api-gateway.yml", text)["services"]["kong-api-gateway"]
    return service


def test_every_plugin_that_the_routes_use_is_one_that_the_gateway_loads() -> None:
    loaded = fragment()["environment"]["KONG_PLUGINS"].removeprefix("${KONG_PLUGINS:-").removesuffix("}").split(",")
    used = {plugin.value["name"] for plugin in kongfile.entities(kongfile.read(KONG_YML))["plugins"]}
    assert used <= set(loaded)
    assert set(loaded) == {file.stem for file in (SCHEMAS / "plugins").iterdir()}


def test_the_gateway_has_each_credential_that_the_routes_name_and_never_the_key_that_signs_them() -> None:
    environment = fragment()["environment"]
    named = set(re.findall(r"\$\{(\w+)\}", effective(KONG_YML, set(SERVICES))))
    assert named == {
        "SUPABASE_ANON_KEY",
        "SUPABASE_SERVICE_ROLE_KEY",
        "DASHBOARD_USERNAME",
        "DASHBOARD_PASSWORD",
    }
    assert named <= environment.keys()
    assert "JWT_SECRET" not in str(environment)


@pytest.mark.parametrize(
    ("document", "refusal"),
    [
        ('services: [{url: "http://a:80", connect_timeout: "2000"}]', "connect_timeout: expected a integer"),
        ('services: [{url: "http://a:80", retries: 40000}]', "retries: expected a number in"),
        ('services: [{url: "http://a:80", routes: [{paths: ["a"]}]}]', "should start with: /"),
        ('services: [{url: "http://a:80", routes: [{methods: ["get"]}]}]', "does not match"),
        ('services: [{url: "http://a:80", routes: [{paths: ["/"], protocols: ["ws"]}]}]', "expected one of"),
        ('services: [{url: "http://a:80", routs: []}]', "routs: unknown field"),
        ("services: [{name: a}]", "host: required field missing"),
        ("consumers: [{tags: []}]", "at_least_one_of"),
        ('consumers: [{username: "a", keyauth_credentials: [{key: 12}]}]', "key: expected a string"),
        ('plugins: [{name: "cors", config: {origin: "*"}}]', "origin: unknown field"),
        ('plugins: [{name: "acl", config: {}}]', "at_least_one_of"),
        ('plugins: [{name: "key-auth", consumer: "a"}]', "consumer: must be None"),
    ],
)
def test_these_schemas_refuse_what_kong_refuses(document: str, refusal: str) -> None:
    assert any(refusal in line for line in refusals(f'_format_version: "3.0"\n{document}\n'))
