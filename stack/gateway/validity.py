"""What Kong would refuse in its file, and what it would accept though it can't be meant. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stack.errors import Problem, StackError
from stack.gateway import checker, kongfile, matching, places, schema, yaml11
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
    "plugins": ("id", "instance_name"),
    "snis": ("name",),
    "key_sets": ("name",),
    "keys": ("name",),
    "vaults": ("prefix",),
}
NEEDED = {"http": ("methods", "hosts", "headers", "paths"), "https": ("methods", "hosts", "headers", "paths", "snis"),
          "grpc": ("hosts", "headers", "paths"), "grpcs": ("hosts", "headers", "paths", "snis"),
          "tls_passthrough": ("snis",)}  # fmt: skip
"""What a route of a protocol must have one of; of a stream, sources, destinations or snis."""
SETTINGS = {"_format_version": (object, ""), "_transform": (bool, "true or false"), "_comment": (str, "a string"),
            "_ignore": (list, "a list")}  # fmt: skip
STREAMS = ("sources", "destinations", "snis")
OWNERS = {
    "acls": "acl", "keyauth_credentials": "key-auth", "basicauth_credentials": "basic-auth", "jwt_secrets": "jwt",
    "hmacauth_credentials": "hmac-auth", "oauth2_credentials": "oauth2",
}  # fmt: skip
"""Which plugin brings a kind of entry: without it, Kong knows none such."""


def check(
    text: str,
    catalogue: Collection[str],
    exposed_ports: Mapping[str, Collection[int]],
    secrets: Collection[str],
    plugins: Collection[str] = (),
    file: str = FILE,
    layers: Mapping[str, str] | None = None,
) -> list[Problem]:
    """Everything wrong with the file. `catalogue` has the Compose services there are, `exposed_ports` the
    container ports of those where they are known, `secrets` the names that the gateway's container has, `plugins` those
    that it loads (empty where it loads all), `layers` the files that the text was made of, where there are more."""
    try:
        document = kongfile.read(text, file)
    except StackError as error:
        return error.problems
    problems = judged(document, kongfile.entities(document), text, catalogue, exposed_ports, secrets, plugins)
    return placed(problems, text, file, layers)


def judged(document: dict[str, Any], found: Entities, text: str, catalogue: Collection[str],
           exposed_ports: Mapping[str, Collection[int]], secrets: Collection[str], plugins: Collection[str]
           ) -> list[Problem]:  # fmt: skip
    """The same of a file that is read already, each problem at its path in the document."""
    clashes = list(matching.clashes(found))
    problems = [
        *yaml11.traps(text),
        *_top(document),
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
    told = {problem.where for problem in problems}
    problems += [problem for problem in _refused(found) if problem.where not in told]
    return problems


def placed(problems: list[Problem], text: str, file: str = FILE, layers: Mapping[str, str] | None = None
           ) -> list[Problem]:  # fmt: skip
    """The problems of a text, each once and where it stands in the file or in its layers."""
    where = places.finder(layers or {file: text}) if problems else str
    return [_placed(problem, where(problem.where)) for problem in dict.fromkeys(problems)]


def _placed(problem: Problem, where: str) -> Problem:
    return Problem(problem.code, problem.message, where, problem.fix or f"edit {where.partition(': ')[0]}")


def _top(document: dict[str, Any]) -> Iterator[Problem]:
    if document.get("_format_version") != "3.0":
        yield Problem("gateway-format", 'expected the string "3.0"', "_format_version", '_format_version: "3.0"')
    for key, value in document.items():
        if key in kongfile.SETTINGS:
            kind, words = SETTINGS[key]
            if value is not None and not isinstance(value, kind):
                yield Problem("gateway-type", f"expected {words}", key)
            continue
        if key not in kongfile.KINDS:
            hint = suggest(str(key), kongfile.KINDS)
            yield Problem("gateway-key", f"Kong has no {key} and would refuse the whole file", str(key), hint)
        elif value is not None and not isinstance(value, list):
            yield Problem("gateway-type", "expected a list", str(key))
        for position, item in enumerate(value if isinstance(value, list) else []):
            if not isinstance(item, dict):
                yield Problem("gateway-type", "expected a mapping", f"{key}[{position}]")


def _refused(found: Entities) -> Iterator[Problem]:
    """What Kong's schemas refuse."""
    for entity in _all(found):
        for path, code, message in _of(entity):
            fix = "put it in double quotes" if message == "expected a string" else ""
            yield Problem(code, message, f"{entity.path}{path}", fix)


def _of(entity: Entity) -> checker.Told:
    """The same of one entity."""
    apart = APART.get(entity.kind, COMMENTS)
    own = {key: item for key, item in entity.value.items() if key not in apart}
    if entity.kind == "plugins":
        name = str(own.get("name"))
        return [*_scoped(entity, name), *checker.plugin(name)(own)]
    told = checker.entity(entity.kind)(own)
    return [*told, *_matchers(entity)] if entity.kind == "routes" else told


COMMENTS = frozenset({"_comment", "_ignore"})
APART = {kind: COMMENTS.union(nested) for kind, (_, nested) in kongfile.CHILDREN.items()}
"""What an entity's own schema says nothing of: the entities in it, which have theirs, and words to the reader."""


def _scoped(plugin: Entity, name: str) -> Iterator[checker.Refusal]:
    """What a plugin hangs on that takes none such."""
    fields = schema.plugin(name)["fields"]
    for field in plugin.parents:
        if field not in plugin.value and "eq" in fields[field]:
            yield checker.Refusal("", "gateway-value", f"Kong takes {plugin.value.get('name')} for no single {field}")


def _matchers(route: Entity) -> Iterator[checker.Refusal]:
    """What a route of its protocols must have, and may not: a rule that Kong's schemas do not tell."""
    protocols = route.value.get("protocols", ["http", "https"])
    named = [name for name in protocols if isinstance(name, str)] if isinstance(protocols, list) else []
    if not named:
        return
    first = next((name for name in ("https", "grpcs") if name in named), named[0])
    needed = NEEDED.get(first, STREAMS)
    if not any(route.value.get(field) for field in needed):
        message = f"a route for {first} needs one of {', '.join(needed)}"
        yield checker.Refusal("", "gateway-value", message)
    stream = first not in NEEDED or first == "tls_passthrough"
    banned = ("methods", "hosts", "paths", "headers") if stream else ("sources", "destinations")
    for field in (*banned, *(("methods",) if first.startswith("grpc") else ())):
        if route.value.get(field) is not None:
            yield checker.Refusal(f".{field}", "gateway-value", f"not for {first}")
    if first.startswith("grpc") and route.value.get("strip_path") is True:
        yield checker.Refusal(".strip_path", "gateway-value", f"must be false for {first}")


def _names(found: Entities) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], str] = {}
    for entity in _all(found):
        keys = [(field, str(entity.value[field])) for field in UNIQUE.get(entity.kind, ()) if entity.value.get(field)]
        for field, value in keys:
            first = seen.setdefault((entity.kind, field, value), entity.path)
            if first != entity.path:
                yield Problem("gateway-name", f"the same {field} as {first}", f"{entity.path}.{field}")
    for target in found["targets"]:
        first = seen.setdefault(("target", str(target.value.get("target")), str(target.parents)), target.path)
        if first != target.path:
            yield Problem("gateway-name", f"the same target as {first}", f"{target.path}.target")
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
        if not upstream_named(found, address(service)[0]):
            ends.append((service, field, *address(service)))
    for entity, field, host, port in ends:
        place, name = f"{entity.path}.{field}", compose_service(host)
        if host and name not in catalogue:
            yield Problem("gateway-upstream", f"no service is called {name}", place, suggest(name, catalogue))
        elif host and name in exposed_ports and port not in exposed_ports[name]:
            ports = ", ".join(map(str, sorted(exposed_ports[name]))) or "no port"
            yield Problem("gateway-upstream", f"{name} listens on {ports}, not on {port}", place)


def _loaded(found: Entities, plugins: Collection[str]) -> Iterator[Problem]:
    for plugin in found["plugins"]:
        name = str(plugin.value.get("name"))
        if plugins and name not in plugins:
            hint = suggest(name, plugins) or f"./inv env.set KONG_PLUGINS {','.join([*plugins, name])}"
            yield Problem("gateway-plugin", f"the gateway does not load the plugin {name}", f"{plugin.path}.name", hint)

    for kind, owner in OWNERS.items():
        if plugins and found[kind] and owner not in plugins:
            hint = f"./inv env.set KONG_PLUGINS {','.join([*plugins, owner])}"
            message = f"Kong knows {kind} only where it loads the plugin {owner}"
            yield Problem("gateway-plugin", message, found[kind][0].path, hint)


def _placeholders(value: Any, secrets: Collection[str], path: str) -> Iterator[Problem]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _placeholders(item, secrets, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _placeholders(item, secrets, f"{path}[{position}]")
    elif isinstance(value, str) and "${" in value:
        for name in re.findall(r"\$\{([^}]*)", value):
            if name not in secrets:
                known = "the gateway's container has " + ", ".join(sorted(secrets))
                yield Problem("gateway-secret", f"${{{name}}} is not known to the gateway", path, known)


def _all(found: Entities) -> Iterator[Entity]:
    for kind in sorted(found):
        yield from found[kind]
