"""Which setting or file is to blame where Compose refuses them all: found by asking for one fragment after another."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from stack import compose, tree, yamlfile
from stack.env import settings
from stack.env.settings import Settings
from stack.errors import Problem, StackError
from stack.names import cut
from stack.planning.catalog import Catalog, Fragment

ALONE = "alone"
"""Project name of these questions; it shows nowhere."""


def located(
    root: Path, catalog: Catalog, given: Settings, files: Sequence[str], env: Mapping[str, str], error: StackError
) -> StackError:
    """Compose's refusal of `files` with the first file that it refuses also without the other fragments, or with the
    setting there without which it takes that; `error` itself where there is none. Costs one run of Compose for each
    file, those first whose service its words name, and only where there is an error already."""
    if error.problems[0].code != "compose":
        return error
    for fragment in _likely(catalog, error.problems[0].message):
        own = [path for path in files if path in fragment.paths()]
        for count in range(1, len(own) + 1):
            asked = [*catalog.base.layers, *own[:count]]
            told = _refusal(root, asked, env)
            if told:
                read = {name for path in own[:count] for name in catalog.files[path].variables}
                told_of = [name for name in sorted(read) if _is_told(given, name, told)]
                without = (n for n in told_of if not _refusal(root, asked, {k: v for k, v in env.items() if k != n}))
                name = next(without, "")
                return StackError(_of_setting(given, name, told) if name else _of_file(root, own[count - 1], told))
    return error


def _likely(catalog: Catalog, told: str) -> list[Fragment]:
    """The fragments, those first that have a service which the words name."""
    named = {catalog.fragment_of(name) for name in catalog.services() if _path(told, name)}
    return sorted(catalog.fragments.values(), key=lambda fragment: fragment.name not in named)


def _path(told: str, service: str) -> list[str]:
    """The keys by which the words name a place of a service, as `services.web.ports` and `services[web].ports` do;
    nothing where they name none."""
    found = re.search(rf"services(?:\.|\[){re.escape(service)}(?![\w-])\]?((?:\.[\w-]+)*)", told)
    unknown = re.search(r"additional properties '([^']+)'", told)
    return ["services", service, *found[1].split(".")[1:], *([unknown[1]] if unknown else [])] if found else []


def line(text: str, told: str) -> int:
    """The line of a fragment that Compose's words are about, as far as they name it; 0 where they don't. Pure."""
    node, found = yamlfile.nodes(text), 0
    top = node.value if node is not None and node.id == "mapping" else []
    services = next((value for key, value in top if key.value == "services"), None)
    names = [key.value for key, _ in services.value] if services else []
    for word in next((path for name in names if (path := _path(told, name))), []):
        pairs = node.value if node.id == "mapping" else []
        key, node = next(((key, value) for key, value in pairs if key.value == word), (None, node))
        if key is None:
            break
        found = key.start_mark.line + 1
    return found


def _is_told(given: Settings, name: str, told: str) -> bool:
    """Whether the refusal shows the value that the user gave a setting."""
    return given.origin(name) in (settings.DOTENV, settings.SHELL) and given.value(name) in told


def _of_file(root: Path, path: str, told: str) -> Problem:
    number = line(yamlfile.decode(path, tree.read(root / path)), told)
    where = f"{path}:{number}" if number else path
    return Problem("compose", f"Compose refuses this file: {told}", where, f"edit {where}")


def _of_setting(given: Settings, name: str, told: str) -> Problem:
    value, origin = given.value(name), given.origin(name)
    message = f"Compose refuses the value of {name}: {told.replace(value, cut(value))}"
    return Problem("compose", message, f"{origin}: {name}", settings.undone(name, origin))


def _refusal(root: Path, files: Sequence[str], env: Mapping[str, str]) -> str:
    """What Compose has against these files, if anything, without the path that is told elsewhere."""
    try:
        compose.config(root, files, env, ALONE)
    except StackError as error:
        words = re.sub(r"validating \S+: +", "", error.problems[0].message)
        return words.removeprefix("Compose refuses the files: ")
    return ""
