"""A service to be added, as changes of files: what is checked first, which offset it gets, what is written. Pure."""

import re
from collections.abc import Collection, Iterable, Mapping

import msgspec

from stack.authoring import doors, elsewhere, fragment
from stack.authoring.definition import Definition, Edge
from stack.errors import USAGE, Problem, StackError, fail
from stack.gateway.kongfile import FILE
from stack.names import echoed, suggest
from stack.planning import catalog
from stack.planning.catalog import Catalog

FREE = range(21, 100)
"""The offsets that are the user's (design: the first service of one's own is published on 63021)."""
RESERVED = frozenset({"all", "any", "base", "container", "disabled", "default", "none"})
IMAGE = re.compile(r"[a-z0-9][a-zA-Z0-9._/:-]*(@sha256:[0-9a-f]{64})?")
EMPTY = b'_format_version: "3.0"\n'
"""A gateway's file of the user's own before it has anything."""

Changes = dict[str, bytes | None]
"""What is to be at each path; None where there is to be no file."""


def check(found: Catalog, definition: Definition, aliases: Collection[str] = ()) -> None:
    """Raises StackError with everything that the words alone make impossible. `aliases` are the further names that
    services have in the network."""
    problems = [*_name(found, definition.name), *_image(definition.image), *_edges(found, definition)]
    problems += [problem for part in definition.companions for problem in _name(found, part.name)]
    problems += [Problem("name", f"{part.name} is a further name of another service", "add-service", "another name")
                 for part in (definition, *definition.companions) if part.name in aliases]  # fmt: skip
    taken = set(found.services())
    problems += [
        Problem("alias", f"{alias} is a service's own name", "--alias", "choose another")
        for alias in definition.aliases
        if alias in taken
    ]
    if problems:
        raise StackError(problems, USAGE)


def _name(found: Catalog, name: str) -> Iterable[Problem]:
    rule = "small letters, digits and hyphens, a letter first, at most 40"
    known = found.services()
    if not catalog.NAME.fullmatch(name) or name.endswith("-") or "--" in name:
        yield Problem(
            "name", f"{echoed(name)} is no service name: {rule}", "add-service", "./inv add-service my-service"
        )
    elif name in RESERVED:
        yield Problem("name", f"{name} has a meaning of its own here", "add-service", f"./inv add-service my-{name}")
    elif name in known:
        yield Problem("name", f"there is a service {name} already", f"compose/{found.fragment_of(name)}.yml",
                      f"choose another name; ./inv service {name} shows it")  # fmt: skip


def _image(image: str) -> Iterable[Problem]:
    if image and not IMAGE.fullmatch(image):
        yield Problem("image", f"{echoed(image)} is no image reference", "--image", "--image redis:7.4")


def _edges(found: Catalog, definition: Definition) -> Iterable[Problem]:
    known = {*found.services(), definition.name, *(part.name for part in definition.companions)}
    for edge in (edge for part in (definition, *definition.companions) for edge in part.depends_on):
        if edge.service not in known:
            hint = suggest(edge.service, known) or "./inv source"
            yield Problem("edge", f"there is no service {echoed(edge.service)}", "--depends-on", hint)


def prepared(found: Catalog, definition: Definition) -> Definition:
    """The definition with an edge to the init job of each service that it waits for, as it needs what the job makes."""
    known, named = found.services(), {edge.service for edge in definition.depends_on}
    jobs = [
        Edge(f"{edge.service}-init", "completed", edge.optional)
        for edge in definition.depends_on
        if edge.condition == "healthy" and f"{edge.service}-init" in {*known} - named
    ]
    return msgspec.structs.replace(definition, depends_on=[*definition.depends_on, *jobs])


def unpinned(image: str) -> bool:
    """Whether an image reference names no version."""
    last = image.rpartition("/")[2]
    return bool(image) and "@" not in image and (":" not in last or last.endswith(":latest"))


def offsets(found: Catalog, definition: Definition) -> dict[str, int]:
    """The lowest free offsets for the port variables. Raises StackError where there are too few."""
    taken = {
        offset
        for file in found.files.values()
        for entry in file.entries.values()
        for offset in entry.get("ports", {}).values()
    }
    names = offsets_of(definition)
    free = [offset for offset in FREE if offset not in taken][: len(names)]
    if len(free) < len(names):
        message = f"the offsets {FREE.start} to {FREE.stop - 1} are all taken"
        raise fail("offsets", message, "x-stack: ports", "./inv remove-service one that is not needed")
    return dict(zip(names, free, strict=True))


def offsets_of(definition: Definition) -> list[str]:
    """The variables of all ports that a service and its companions publish, in their order."""
    return [name for part in (definition, *definition.companions) for name in fragment.port_variables(part)]


def connections(found: Catalog, definition: Definition) -> dict[str, str]:
    """How the services that this one depends on are reached: variable → value, as their fragments declare it."""
    result: dict[str, str] = {}
    for edge in (edge for edge in definition.depends_on if edge.service in found.services()):
        layers = found.fragments[found.fragment_of(edge.service)].layers
        result |= found.entry(edge.service, layers).connect
    return result


def changes(found: Catalog, definition: Definition, files: Mapping[str, bytes], into: str = "") -> Changes:
    """The files to write, in their order, in the shipped tree or the user's folder `into`. `files` has the gateway's
    file. The fragment comes last: the service is whole, or not there."""
    result: Changes = dict(definition.files)
    if definition.doors:
        file = f"{into}{FILE}"
        result[file] = _gateway(files[file] or EMPTY, definition, file)
    for source in definition.sources:
        result[f"{into}overrides/{definition.name}/{source}.yml"] = _override(definition, source).encode()
    reached = {part.name: connections(found, part) for part in (definition, *definition.companions)}
    body = fragment.text(definition, offsets(found, definition), reached)
    return result | {f"{into}compose/{definition.name}.yml": body.encode()}


def _gateway(data: bytes, definition: Definition, file: str) -> bytes:
    """The gateway's file with the doors; one that is there as it is to be was written by a run that was cut off."""
    text, bom = data.decode("utf-8-sig"), data[:3] if data.startswith(b"\xef\xbb\xbf") else b""
    for at in definition.doors:
        if not doors.standing(text, definition.name, at, file):
            text = doors.added(text, definition.name, at, file)
    return bom + text.encode()


def _override(definition: Definition, source: str) -> str:
    if source == "container-gpu":
        return fragment.gpu(definition)
    if not definition.ports:
        raise fail("usage", f"--source {source} needs --port", "--source", "--port 8000", USAGE)
    return elsewhere.override(definition, source)


def removal(found: Catalog, name: str, files: Mapping[str, bytes]) -> Changes:
    """What goes with a service, in its order: overrides, routes, its fragment, and then the files that came with it and
    are as they came. `files` has the gateway's file, the fragment, and what came with it."""
    fragments = found.fragments[name]
    result: Changes = {path: None for paths in fragments.overrides.values() for path in paths}
    mine = [service for service in found.services() if found.fragment_of(service) == name]
    for file in (path for path in files if path.endswith(FILE)):
        text = files[file].decode("utf-8-sig") or EMPTY.decode()
        names = [called for service in mine for called in doors.of_service(text, service, file)]
        if names:
            bom = files[file][:3] if files[file].startswith(b"\xef\xbb\xbf") else b""
            left = bom + doors.removed(text, dict.fromkeys(names), file).encode()
            result[file] = None if left == EMPTY and file != FILE else left
    made = fragment.made_with(files[fragments.layers[0]].decode(errors="replace"))
    result |= dict.fromkeys(fragments.layers)
    return result | {path: None for path, digest in made.items() if fragment.digest(files.get(path, b"")) == digest}
