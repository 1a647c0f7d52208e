"""Which file is to blame where Compose refuses them all: found by asking for one fragment after the other."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from stack import docker
from stack.errors import Problem, StackError
from stack.planning.catalog import Catalog

ALONE = "alone"
"""Project name of these questions; it shows nowhere."""


def located(
    root: Path, catalog: Catalog, files: Sequence[str], env: Mapping[str, str], error: StackError
) -> StackError:
    """Compose's refusal of `files` with the first file that it refuses also without the other fragments;
    `error` itself where there is none. Costs one run of Compose for each file, and only where there is an
    error already."""
    if error.problems[0].code != "compose":
        return error
    for fragment in catalog.fragments.values():
        own = [path for path in files if path in fragment.paths()]
        for count in range(1, len(own) + 1):
            told = _refusal(root, [*catalog.base.layers, *own[:count]], env)
            if told:
                return StackError(Problem("compose", told, own[count - 1], f"edit {own[count - 1]}"))
    return error


def _refusal(root: Path, files: Sequence[str], env: Mapping[str, str]) -> str:
    """What Compose has against these files, if anything, without the path that is told elsewhere."""
    try:
        docker.config(root, files, env, ALONE)
    except StackError as error:
        words = re.sub(r"validating \S+: +", "", error.problems[0].message)
        return words.replace("Compose refuses the files", "Compose refuses this file")
    return ""
