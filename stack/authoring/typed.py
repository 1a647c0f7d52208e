"""What is typed behind `add-service`, as the definition that it comes to."""

import re
from typing import get_args

import msgspec

from stack import tree, yamlfile
from stack.authoring import addition, compose_file, doors, fragment, losses, renaming, scaffold
from stack.authoring.carrier import Here
from stack.authoring.definition import Condition, Definition, Door, Edge, Mount
from stack.errors import USAGE, fail
from stack.names import echoed, suggest
from stack.planning import checkouts
from stack.planning.catalog import SECRET_KIND, SETTING
from stack.planning.checkouts import Checkout

SOURCES = ("localhost", "external", "container-gpu")
MEMORY = re.compile(r"\d+(\.\d+)?[bkmg]b?", re.IGNORECASE)


class Words(msgspec.Struct, frozen=True):
    """The flags of `add-service`, as typed."""

    image: str = ""
    build: str = ""
    port: tuple[str, ...] = ()
    profile: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    volume: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    health: str = ""
    route: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    auth: str = ""
    alias: tuple[str, ...] = ()
    command: str = ""
    replicas: str = "1"
    memory: str = ""
    from_compose: str = ""
    map: tuple[str, ...] = ()
    env_file: str = ""
    rewrite_files: bool = False


def definition(name: str, words: Words, checkout: Checkout) -> Definition:
    """What the flags say. Raises StackError for each that says nothing."""
    if words == Words():
        known = checkout.catalog.services()
        made = scaffold.definition(name, "none" if doors.loopback(_bound(checkout)) else "basic")
        env = made.env if "redis" in known else {}
        return msgspec.structs.replace(made, env=env, depends_on=[e for e in made.depends_on if e.service in known])
    if bool(words.image) == bool(words.build):
        raise fail("usage", "a service has an --image or a --build folder", "--image, --build", "--image REF", USAGE)
    ports = [_number("--port", text, 65535) for text in words.port]
    if (words.route or words.host) and not ports:
        raise fail("usage", "a route needs the container's port", "--port", "--port 8000", USAGE)
    return Definition(
        name, about=name, image=words.image, build=_folder(words.build), ports=ports,
        profiles=list(words.profile) or ["app"], depends_on=[_edge(text) for text in words.depends_on],
        env={key: fragment.literal(value) for key, value in (_pair("--env", text) for text in words.env)},
        secrets=dict(_secret(text) for text in words.secret),
        volumes=[_mount(text) for text in words.volume], sources=[_source(text) for text in words.source],
        health=words.health, doors=_doors(words, ports, checkout), aliases=list(words.alias), command=words.command,
        replicas=_number("--replicas", words.replicas, 1000), memory=_memory(words.memory),
    )  # fmt: skip


def carried(name: str, words: Words, checkout: Checkout) -> tuple[Definition, list[losses.Loss]]:
    """What somebody's Compose file says, with the flags on top. Where a service of ours stands in for one of the file,
    it is reached by what it declares."""
    if words.image or words.build:
        raise fail("usage", "--from-compose brings the image", "--from-compose", "leave --image and --build out", USAGE)
    mapping = dict(_pair("--map", text) for text in words.map)
    known, settings = checkout.catalog.services(), checkouts.known(checkout.catalog)
    project = checkout.settings.value("PROJECT_NAME")
    here = Here(project, known, aliases(checkout), settings, words.rewrite_files)
    found, lost = compose_file.read(words.from_compose, name, mapping, words.env_file, here)
    base = [_number("--port", text, 65535) for text in words.port] or found.ports
    extra = [_edge(text) for text in words.depends_on]
    whole = msgspec.structs.replace(
        _reached(checkout, found), ports=base, profiles=list(words.profile) or ["app"], health=words.health,
        depends_on=[*found.depends_on, *extra], doors=_doors(words, base, checkout),
        sources=sorted({*found.sources, *(_source(text) for text in words.source)}),
        companions=[_reached(checkout, part) for part in found.companions],
    )  # fmt: skip
    parts = (whole, *whole.companions)
    used = str([(part.env, part.extra) for part in parts])
    given = {setting for part in parts for setting in part.given.values()}
    secrets = {name: kind for name, kind in whole.secrets.items() if f"${{{name}}}" in used or name in given}
    told = [one for one in lost if one.code not in ("made", "empty") or one.path in secrets]
    return msgspec.structs.replace(whole, secrets=secrets), told


def aliases(checkout: Checkout) -> set[str]:
    """The further names that services have in the network."""
    paths = [path for fragment in checkout.catalog.fragments.values() for path in fragment.paths()]
    texts = {path: data.decode() for path in paths if b"aliases" in (data := tree.read(tree.root() / path))}
    raws = [raw for path, text in texts.items() for raw in (yamlfile.load(path, text).get("services") or {}).values()]
    return {alias for raw in raws for alias in renaming.aliases(raw or {})}


def _reached(checkout: Checkout, part: Definition) -> Definition:
    """Without what the connections of its dependencies say in its place."""
    ours = addition.connections(checkout.catalog, part)
    return msgspec.structs.replace(part, env={k: v for k, v in part.env.items() if k not in ours})


def _doors(words: Words, ports: list[int], checkout: Checkout) -> list[Door]:
    if not (words.route or words.host):
        return []
    auth = doors.auth(words.auth, _bound(checkout))
    paths = [doors.door(path, "", ports[0], auth, False) for path in words.route]
    return [*paths, *(doors.door("", host, ports[0], auth, False) for host in words.host)]


def _bound(checkout: Checkout) -> str:
    return checkout.settings.value("BIND_ADDRESS")


def _number(flag: str, text: str, highest: int) -> int:
    if text.isascii() and text.isdecimal() and 0 < int(text) <= highest:
        return int(text)
    message = f"{flag}: expected a whole number from 1 to {highest}, got {echoed(text)}"
    raise fail("usage", message, flag, f"{flag} {8000 if flag == '--port' else 1}", USAGE)


def _folder(path: str) -> str:
    if path and not (tree.root() / path).is_dir():
        raise fail("usage", f"--build: there is no folder {path}", "--build", "name a folder of this checkout", USAGE)
    return f"./{path.removeprefix('./')}" if path and not path.startswith("/") else path


def _edge(text: str) -> Edge:
    """NAME[:healthy|completed|started][?]"""
    optional = text.endswith("?")
    service, _, condition = text.removesuffix("?").partition(":")
    for known in get_args(Condition):
        if condition in ("", known):
            return Edge(service, known, optional)
    hint = suggest(condition, get_args(Condition)) or ", ".join(get_args(Condition))
    raise fail("usage", f"--depends-on: there is no condition {echoed(condition)}", "--depends-on", hint, USAGE)


def _pair(flag: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if equals and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", name):
        return name, value
    raise fail("usage", f"{flag}: expected KEY=VALUE, got {echoed(name)}", flag, f"{flag} LOG_LEVEL=info", USAGE)


def _secret(text: str) -> tuple[str, str]:
    """NAME[:kind]"""
    name, _, kind = text.partition(":")
    if SETTING.fullmatch(name) and SECRET_KIND.fullmatch(kind or "hex"):
        return name, kind or "hex"
    kinds = "hex, hex:LENGTH, sk, sb_publishable, sb_secret, password, jwt:ROLE, asked or optional"
    raise fail(
        "usage", f"--secret: {echoed(text)} is no NAME:KIND", "--secret", f"--secret MY_KEY:hex ({kinds})", USAGE
    )


def _mount(text: str) -> Mount:
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    named = re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", source)
    if target.startswith("/") and mode in ("", "ro") and (named or source.startswith("./")):
        return Mount(source, target, mode == "ro")
    raise fail("usage", f"--volume: expected NAME:/path or ./folder:/path, got {echoed(text)}", "--volume",
               "--volume data:/data", USAGE)  # fmt: skip


def _source(text: str) -> str:
    if text in SOURCES:
        return text
    hint = suggest(text, SOURCES) or ", ".join(SOURCES)
    raise fail("usage", f"--source: there is no {echoed(text)}", "--source", hint, USAGE)


def _memory(text: str) -> str:
    if not text or MEMORY.fullmatch(text):
        return text
    raise fail("usage", f"--memory: {echoed(text)} is no size", "--memory", "--memory 512m", USAGE)
