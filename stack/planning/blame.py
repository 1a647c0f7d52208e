"""Which setting or file is to blame where Compose refuses them all: found by asking for one fragment after another."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from stack import compose
from stack.env import settings
from stack.env.settings import Settings
from stack.errors import Problem, StackError
from stack.names import cut
from stack.planning.catalog import Catalog

ALONE = "alone"
"""Project name of these questions; it shows nowhere."""


def located(
    root: Path, catalog: Catalog, given: Settings, files: Sequence[str], env: Mapping[str, str], error: StackError
) -> StackError:
    """Compose's refusal of `files` with the first file that it refuses also without the other fragments, or with the
    setting there without which it takes that; `error` itself where there is none. Costs one run of Compose for each
    file, and only where there is an error already."""
    if error.problems[0].code != "compose":
        return error
    for fragment in catalog.fragments.values():
        own = [path for path in files if path in fragment.paths()]
        for count in range(1, len(own) + 1):
            asked = [*catalog.base.layers, *own[:count]]
            told = _refusal(root, asked, env)
            if told:
                read = {name for path in own[:count] for name in catalog.files[path].variables}
                told_of = [name for name in sorted(read) if _is_told(given, name, told)]
                without = (n for n in told_of if not _refusal(root, asked, {k: v for k, v in env.items() if k != n}))
                name = next(without, "")
                return StackError(_of_setting(given, name, told) if name else _of_file(own[count - 1], told))
    return error


def _is_told(given: Settings, name: str, told: str) -> bool:
    """Whether the refusal shows the value that the user gave a setting."""
    return given.origin(name) in (settings.DOTENV, settings.SHELL) and given.value(name) in told


def _of_file(path: str, told: str) -> Problem:
    return Problem("compose", f"Compose refuses this file: {told}", path, f"edit {path}")


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
