"""The lines that a fix says to type, held against the commands that there are."""

import re
from collections.abc import Iterable, Mapping

from invoke.collection import Collection

import tasks

LINE = re.compile(r"(?:\./)?\binv ([a-z][a-z.-]*)((?: +(?:--[a-z-]+(?:[ =][^\s,;()]+)?|[^\s,;()&|]+))*)")
FLAG = re.compile(r"(?<!\S)--[a-z][a-z-]*")
REMOVING = re.compile(r"(?:env\.unset|docker volume rm|docker rm -f|remove-service --name) +(\{[^}]*\}|[A-Za-z_.-]+)")
DESTROYING = re.compile(r"\brm -r|\brm /|docker \w+ prune|--no-preserve-root|\bgit (?:reset --hard|clean)\b")
COMMANDS = {context.name: context for context in Collection.from_module(tasks).to_contexts()}
CORE = {"--help", "--list", "--version", "--json"}


def check(problems: Iterable[Mapping[str, str]]) -> None:
    """Fails where a fix names a command or a flag that there is not, takes away what its problem does not name, or
    destroys what is not the stack's own."""
    for problem in problems:
        fix = problem["fix"]
        for match in LINE.finditer(fix) if "./inv " in fix else ():
            assert match[1] in COMMANDS, problem
            assert set(FLAG.findall(match[2])) <= set(COMMANDS[match[1]].flags) | CORE, problem
        for match in REMOVING.finditer(fix):
            assert match[1] in problem["message"] + problem["where"], problem
        assert not DESTROYING.search(fix), problem
