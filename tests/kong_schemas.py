"""Makes stack/gateway/schema.json from what a running Kong tells: `python -m tests.kong_schemas FOLDER`.

The folder has `<entity>.json` (GET /schemas/<entity>) and `plugins/<name>.json` (GET /schemas/plugins/<name>)."""

import json
import sys
from pathlib import Path
from typing import Any

SOURCE = (
    "Kong 3.9.3 (open source, Apache-2.0, https://github.com/Kong/kong): what decides whether its DB-less loader takes "
    "a value, reduced from GET /schemas of a running node by tests/kong_schemas.py"
)
TARGET = Path(__file__).parents[1] / "stack" / "gateway" / "schema.json"
LIMITS = (
    "type", "required", "default", "eq", "gt", "one_of", "not_one_of", "between", "len_eq", "len_min", "len_max",
    "starts_with", "match", "match_all", "match_any", "match_none", "contains", "uuid", "timestamp", "is_regex",
    "referenceable", "mutually_exclusive_subsets", "reference",
)  # fmt: skip
# Kong's own checks are code and not in the answers; what they are for, the description says, or the place.
DESCRIBED = {
    "A string representing a host name, such as": "host",
    "A string representing a host name with": "host_port",
    "A string representing a wildcard host name": "wildcard_host",
    "A string representing an IP address, such": "ip",
    "A string representing an IP address or CIDR": "ip",
    "A string representing a URL path": "path",
    "A string representing a URL,": "url",
    "A string representing an HTTP header name": "header",
    "A string representing an HTTP token": "cookie",
    "A string representing an SNI": "sni",
    "A string representing a certificate.": "certificate",
    "A string representing a key.": "key",
    "A string representing a tag.": "tag",
    "A string representing a router path": "route_path",
    "A unique string representing a UTF-8": "name",
}
PLACED = {
    "routes.hosts[]": "route_host", "targets.target": "host_port", "upstreams.name": "upstream",
    "upstreams.hash_on_cookie": "cookie", "plugins/tcp-log.config.host": "host", "plugins/statsd.config.host": "host",
    "plugins/cors.config.origins[]": "origin", "plugins/request-transformer.config.add.headers[]": "header_pair",
    "plugins/request-transformer.config.append.headers[]": "header_pair",
    "plugins/request-transformer.config.replace.headers[]": "header_pair",
    "plugins/request-transformer.config.remove.headers[]": "header_pair",
    "plugins/request-transformer.config.rename.headers[]": "header_names",
    "plugins/response-transformer.config.rename.headers[]": "header_names",
    "plugins/request-termination.config": "termination",
    "plugins/rate-limiting.config": "limits", "plugins/response-ratelimiting.config.limits{}": "periods",
    "plugins/http-log.config": "authorization",
}  # fmt: skip
ENDS = {".redis.host": "host", ".redis.server_name": "sni", ".ldap_host": "host"}


def field(told: dict[str, Any], place: str) -> dict[str, Any]:
    """One field without what decides nothing."""
    kept = {key: told[key] for key in LIMITS if key in told}
    if kept.get("required") is False or told.get("auto"):  # Kong makes one itself
        kept.pop("required", None)
    words = str(told.get("description", ""))
    form = PLACED.get(place) or next((form for end, form in ENDS.items() if place.endswith(end)), "")
    form = form or next((form for start, form in DESCRIBED.items() if words.startswith(start)), "")
    if form and told["type"] in ("string", "record"):
        kept["form"] = form
    for part, sign in (("elements", "[]"), ("values", "{}"), ("keys", "{key}")):
        if part in told:
            kept[part] = field(told[part], place + sign)
    return {**kept, **record(told, place)} if "fields" in told else kept


def record(told: dict[str, Any], place: str) -> dict[str, Any]:
    """The fields and checks of a record."""
    found: dict[str, Any] = {"fields": fields(told["fields"], place)}
    if place == "certificates":  # in a file, the names of a certificate are entries of their own
        del found["fields"]["snis"]
    short = fields(told.get("shorthand_fields", []), place)
    for entry in told.get("shorthand_fields", []):
        for name, one in entry.items():
            ways = one.get("deprecation", {}).get("replaced_with") or [{"path": [name]}]
            short[name]["means"] = ["traces_endpoint"] if name == "endpoint" else ways[0]["path"]
    if place == "services":
        short["url"] = {"type": "string", "means": ["url"]}
    checks = [check for check in told.get("entity_checks", ()) if "custom_entity_check" not in check]
    return found | ({"short": short} if short else {}) | ({"checks": checks} if checks else {})


def fields(told: list[dict[str, Any]], place: str) -> dict[str, Any]:
    return {name: field(one, f"{place}.{name}") for entry in told for name, one in entry.items()}


def reduced(folder: Path) -> str:
    """The whole file: an entity or a plugin a line."""
    entities = {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
    known = {name: record(told, name) for name, told in entities.items() if name != "tags"}
    known["filter_chains"]["fields"]["filters"] = {"type": "array"}  # its rules are those of each module
    plugins = {
        file.stem: record(json.loads(file.read_text()), f"plugins/{file.stem}")
        for file in sorted((folder / "plugins").glob("*.json"))
    }
    lines = ['{"source":' + json.dumps(SOURCE)]
    for kind, found in (("entities", known), ("plugins", plugins)):
        rows = [f"{json.dumps(name)}:{json.dumps(one, separators=(',', ':'))}" for name, one in found.items()]
        lines.append(f',"{kind}":{{\n' + ",\n".join(rows) + "}\n")
    return "".join(lines) + "}\n"


if __name__ == "__main__":
    TARGET.write_text(reduced(Path(sys.argv[1])))
