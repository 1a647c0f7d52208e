"""What of Kong's file HAProxy can't do. Pure.

All that is said in the file and means something must be in a list below; what is not is told by its name, and nothing
is left out without a word. Fields that only a person reads, or that say how much memory Kong takes, mean nothing
here, and HAProxy lets every body through as it comes (buffering)."""

from collections.abc import Iterator
from typing import Any

from stack.errors import Problem
from stack.gateway import declared, schema
from stack.gateway.declared import strings
from stack.gateway.effective import REPORTERS
from stack.gateway.haproxy import paths, rules
from stack.gateway.kongfile import Entities, Entity

ENGINE = "HAProxy, which serves from the source build,"
KINDS = {"services", "routes", "plugins", "upstreams", "targets", "consumers", "acls", "keyauth_credentials",
         "basicauth_credentials"}  # fmt: skip
READ = {"id", "name", "tags", "created_at", "updated_at", "slots"}
FIELDS = {
    "services": READ | {"retries", "protocol", "host", "port", "path", "connect_timeout", "write_timeout",
                        "read_timeout", "enabled", "url"},
    "routes": READ | {"protocols", "https_redirect_status_code", "strip_path", "preserve_host", "request_buffering",
                      "response_buffering", "service", "methods", "hosts", "paths", "headers", "regex_priority"},
    "upstreams": READ | {"algorithm", "host_header", "healthchecks.active", "healthchecks.passive"},
    "targets": READ | {"target", "weight", "upstream"},
}  # fmt: skip
CHANGES = {f"{way}.headers" for way in ("remove", "rename", "replace", "add", "append")}
CONFIGS = {
    "key-auth": {"key_names", "hide_credentials", "key_in_header", "key_in_query", "realm"},
    "basic-auth": {"hide_credentials", "realm"},
    "acl": {"allow", "deny", "hide_groups_header"},
    "cors": {"origins", "headers", "exposed_headers", "methods", "max_age", "credentials"},
    "correlation-id": {"header_name", "echo_downstream", "generator"},
    "ip-restriction": {"allow", "deny", "status", "message"},
    "request-size-limiting": {"allowed_payload_size", "size_unit", "require_content_length"},
    "rate-limiting": {*rules.PERIODS, "limit_by", "hide_client_headers", "error_code", "error_message",
                      "fault_tolerant"},
    "request-transformer": {"http_method", *CHANGES},
    "response-transformer": CHANGES,
    "request-termination": {"status_code", "message", "content_type", "body"},
    "pre-function": {"access"},
}  # fmt: skip
VALUES: dict[str, dict[str, set[Any]]] = {
    "services": {"protocol": {"http", "https"}},
    "upstreams": {"algorithm": {"round-robin", "least-connections"}},
    "correlation-id": {"generator": {"uuid"}},
    "rate-limiting": {"limit_by": {"consumer", "credential", "ip", "service"}},
}
"""Fields that are carried with these values alone."""
NATIVE = {"prometheus"}
"""HAProxy has measurements of its own, at the same port."""
TRACKED = 3
"""Periods of one rate limit: HAProxy counts for a request in as many tables."""


def uncarried(found: Entities) -> Iterator[Problem]:
    """A problem for each entry or field that HAProxy can't carry, at its place."""
    for kind in sorted(found):
        for entity in found[kind]:
            if kind not in KINDS:
                yield _problem(kind, entity.path)
            elif kind == "plugins":
                yield from _plugin(entity)
            elif kind in FIELDS:
                said = dict(entity.value)
                yield from _fields(schema.schemas().entities[kind], said, FIELDS[kind], kind, entity.path)
    for route in found["routes"]:
        yield from _route(route)
    for upstream in found["upstreams"]:
        yield from _upstream(found, upstream)


def silent(found: Entities) -> list[str]:
    """The plugins that only report, and are not heard of from HAProxy."""
    names = {str(one.value.get("name")) for one in found["plugins"] if one.value.get("enabled") is not False}
    return sorted(names & REPORTERS)


def _problem(what: str, where: str, fix: str = "") -> Problem:
    message = f"{ENGINE} can't carry {what}"
    return Problem("gateway-engine", message, where, fix or "./inv source --service kong-api-gateway --to container")


def _plugin(plugin: Entity) -> Iterator[Problem]:
    name = str(plugin.value.get("name"))
    if plugin.value.get("enabled") is False or name in NATIVE or name in REPORTERS:
        return
    if name not in rules.CARRIED:
        yield _problem(f"the plugin {name}", f"{plugin.path}.name")
        return
    if "consumer" in plugin.parents:
        yield _problem("a plugin of one consumer", plugin.path)
    if not {"http", "https"} <= set(plugin.value.get("protocols") or ("http", "https")):
        yield _problem("a plugin of one protocol", f"{plugin.path}.protocols")
    value = plugin.value.get("config")
    field, said = schema.plugin(name)["fields"]["config"], value if isinstance(value, dict) else {}
    yield from _fields(field, said, CONFIGS[name], name, f"{plugin.path}.config")
    whole = schema.config(name, said)
    if name == "pre-function" and any(not rules.known(text) for text in strings(whole["access"])):
        yield _problem("Lua of your own", f"{plugin.path}.config.access")
    if name == "rate-limiting" and sum(whole[period] is not None for period in rules.PERIODS) > TRACKED:
        yield _problem(f"more than {TRACKED} periods of one rate limit", f"{plugin.path}.config")
    if name == "request-transformer":
        for way in ("rename", "replace", "add", "append"):
            if any("$(" in text for text in strings(whole[way]["headers"])):
                yield _problem("a template", f"{plugin.path}.config.{way}")


def _fields(definition: schema.Definition, said: dict[str, Any], carried: set[str], of: str, path: str,
            above: str = "") -> Iterator[Problem]:  # fmt: skip
    given = schema.spelled_out(definition.get("short", {}), said)
    limited = VALUES.get(of, {})
    # What is not said is the default, which only a limited field may have to tell.
    for name in dict.fromkeys((*given, *limited)):
        place = f"{above}{name}"
        if place in carried and place not in limited:  # as most are
            continue
        field, value = definition["fields"].get(name), given.get(name)
        if field is None:
            continue
        if place in carried:
            allowed, meant = limited[place], schema.or_default(field, value)
            if meant is not None and meant not in allowed:
                yield _problem(f"{place} {meant} of {of}", f"{path}.{place}")
        elif value is None or schema.or_default(field, value) == schema.or_default(field, None):
            continue
        elif field["type"] == "record":
            yield from _fields(field, value if isinstance(value, dict) else {}, carried, of, path, f"{place}.")
        else:
            yield _problem(f"{place} of {of}", f"{path}.{place}")


def _route(route: Entity) -> Iterator[Problem]:
    protocols = strings(route.value.get("protocols"))
    if set(protocols) - {"http", "https"}:
        yield _problem(
            f"the protocol {', '.join(sorted(set(protocols) - {'http', 'https'}))}", f"{route.path}.protocols"
        )
    for at, path in enumerate(strings(route.value.get("paths"))):
        if path.startswith("~") and paths.split(path[1:]) and route.value.get("strip_path") is not False:
            yield _problem("a choice outside of a group, where the path is stripped", f"{route.path}.paths[{at}]",
                           "put it into a group: ~/(?:a|b)/")  # fmt: skip
    headers = route.value.get("headers")
    for name, values in headers.items() if isinstance(headers, dict) else ():
        if any(value.startswith("~*") for value in strings(values)):
            yield _problem("a regular expression for a header", f"{route.path}.headers.{name}")


def _upstream(found: Entities, upstream: Entity) -> Iterator[Problem]:
    hosts = {declared.target_address(target) for target in declared.targets_of(found, upstream)}
    if len(hosts) > 1 and not upstream.value.get("host_header"):
        yield _problem("targets that are each called by their own name", upstream.path, 'give it a "host_header"')
    active = schema.filled(schema.schemas().entities["upstreams"], upstream.value)["healthchecks"]["active"]
    if active["type"] not in ("http", "tcp"):
        yield _problem(f"health checks by {active['type']}", f"{upstream.path}.healthchecks.active.type")
    if active["headers"]:
        yield _problem("headers of health checks", f"{upstream.path}.healthchecks.active.headers")
