"""What Kong would refuse in its file, and what it would accept though it can't be meant. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stack.errors import Problem, StackError
from stack.gateway import kongfile, matching, yaml11
from stack.gateway.declared import address, compose_service, target_address, upstream_named
from stack.gateway.kongfile import FILE, Entities, Entity
from stack.names import suggest

UNIQUE = {
    "services": ("id", "name"),
    "routes": ("id", "name"),
    "upstreams": ("id", "name"),
    "consumers": ("id", "username", "custom_id"),
    "keyauth_credentials": ("key",),
    "basicauth_credentials": ("username",),
    "jwt_secrets": ("key",),
    "plugins": ("instance_name",),
}
TEXTS = frozenset(
    {"name", "url", "host", "protocol", "path", "target", "instance_name"}
    | {"username", "custom_id", "key", "password", "group"}
)
TEXT_LISTS = frozenset(("hosts", "paths", "methods", "protocols", "snis", "tags"))
SCHEMES = frozenset(("grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp"))


def check(
    text: str,
    catalogue: Collection[str],
    exposed_ports: Mapping[str, Collection[int]],
    secrets: Collection[str],
    plugins: Collection[str] = (),
    file: str = FILE,
) -> list[Problem]:
    """Everything wrong with the file. `catalogue` has the Compose services there are, `exposed_ports` the
    container ports of those where they are known, `secrets` the names that the gateway's container has, `plugins` those
    that it loads (empty where it loads all)."""
    try:
        document = kongfile.read(text, file)
    except StackError as error:
        return error.problems
    found = kongfile.entities(document)
    clashes = list(matching.clashes(found))
    problems = [
        *yaml11.traps(text),
        *_top(document),
        *_types(found),
        *_names(found),
        *_references(found),
        *_upstreams(found, catalogue, exposed_ports),
        *_loaded(found, plugins),
        *clashes,
        *(matching.ties(found) if not clashes else ()),
        *matching.hosts(found),
        *matching.prefixes(found),
        *matching.credentials(found),
        *_placeholders(document, secrets, ""),
    ]
    return [
        Problem(problem.code, problem.message, f"{file}: {problem.where}", problem.fix or f"edit {file}")
        for problem in dict.fromkeys(problems)
    ]


def _top(document: dict[str, Any]) -> Iterator[Problem]:
    if document.get("_format_version") != "3.0":
        yield Problem("gateway-format", 'expected the string "3.0"', "_format_version", '_format_version: "3.0"')
    for key, value in document.items():
        if key in kongfile.SETTINGS:
            continue
        if key not in kongfile.KINDS:
            hint = suggest(str(key), kongfile.KINDS)
            yield Problem("gateway-key", f"Kong has no {key} and would refuse the whole file", str(key), hint)
        elif value is not None and not isinstance(value, list):
            yield Problem("gateway-type", "expected a list", str(key))
        for position, item in enumerate(value if isinstance(value, list) else []):
            if not isinstance(item, dict):
                yield Problem("gateway-type", "expected a mapping", f"{key}[{position}]")


def _types(found: Entities) -> Iterator[Problem]:
    for entity in _all(found):
        for field, value in entity.value.items():
            place = f"{entity.path}.{field}"
            if field in TEXTS and not isinstance(value, str | None):
                yield Problem("gateway-type", "expected a string", place, "put it in double quotes")
            if field in TEXT_LISTS and value is not None and not isinstance(value, list):
                yield Problem("gateway-type", "expected a list of strings", place)
            for position, item in enumerate(value if field in TEXT_LISTS and isinstance(value, list) else []):
                if not isinstance(item, str):
                    yield Problem(
                        "gateway-type", "expected a string", f"{place}[{position}]", "put it in double quotes"
                    )


def _names(found: Entities) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], str] = {}
    for entity in _all(found):
        keys = [(field, str(entity.value[field])) for field in UNIQUE.get(entity.kind, ()) if entity.value.get(field)]
        for field, value in keys:
            first = seen.setdefault((entity.kind, field, value), entity.path)
            if first != entity.path:
                yield Problem("gateway-name", f"the same {field} as {first}", f"{entity.path}.{field}")
        name = entity.value.get("name")
        if entity.kind in ("services", "routes") and isinstance(name, str) and not re.fullmatch(r"[\w.~-]+", name):
            yield Problem("gateway-name", "a name is made of letters, digits and . - _ ~", f"{entity.path}.name")
    for plugin in found["plugins"]:
        scope = tuple(f"{field}={parent}" for field, parent in sorted(plugin.parents.items()))
        first = seen.setdefault(("plugin", str(plugin.value.get("name")), *scope), plugin.path)
        if first != plugin.path:
            yield Problem("gateway-name", f"the same plugin in the same place as {first}", plugin.path)


def _references(found: Entities) -> Iterator[Problem]:
    for entity in _all(found):
        for field, parent in entity.parents.items():
            if isinstance(entity.value.get(field), dict):
                yield Problem("gateway-reference", f"expected the {field}'s bare name", f"{entity.path}.{field}")
            elif parent is None:
                message = f"there is no {field} {entity.value[field]}"
                yield Problem("gateway-reference", message, f"{entity.path}.{field}")


def _upstreams(
    found: Entities, catalogue: Collection[str], exposed_ports: Mapping[str, Collection[int]]
) -> Iterator[Problem]:
    ends = [(target, "target", *target_address(target)) for target in found["targets"]]
    for service in found["services"]:
        field = "url" if service.value.get("url") is not None else "host"
        scheme = str(service.value.get("url")).partition("://")[0] if field == "url" else "http"
        if scheme not in SCHEMES:
            yield Problem("gateway-upstream", "expected an address such as http://name:port", f"{service.path}.url")
        elif not upstream_named(found, address(service)[0]):
            ends.append((service, field, *address(service)))
    for entity, field, host, port in ends:
        place, name = f"{entity.path}.{field}", compose_service(host)
        if not host:
            yield Problem("gateway-upstream", "no host to lead to", place)
        elif name not in catalogue:
            yield Problem("gateway-upstream", f"no service is called {name}", place, suggest(name, catalogue))
        elif name in exposed_ports and port not in exposed_ports[name]:
            ports = ", ".join(map(str, sorted(exposed_ports[name])))
            yield Problem("gateway-upstream", f"{name} listens on {ports}, not on {port}", place)


def _loaded(found: Entities, plugins: Collection[str]) -> Iterator[Problem]:
    for plugin in found["plugins"]:
        name = str(plugin.value.get("name"))
        if plugins and name not in plugins:
            hint = suggest(name, plugins) or f"./inv env.set KONG_PLUGINS {','.join([*plugins, name])}"
            yield Problem("gateway-plugin", f"the gateway does not load the plugin {name}", f"{plugin.path}.name", hint)


def _placeholders(value: Any, secrets: Collection[str], path: str) -> Iterator[Problem]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _placeholders(item, secrets, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _placeholders(item, secrets, f"{path}[{position}]")
    elif isinstance(value, str):
        for name in re.findall(r"\$\{([^}]*)", value):
            if name not in secrets:
                known = "the gateway's container has " + ", ".join(sorted(secrets))
                yield Problem("gateway-secret", f"${{{name}}} is not known to the gateway", path, known)


def _all(found: Entities) -> Iterator[Entity]:
    for kind in sorted(found):
        yield from found[kind]
