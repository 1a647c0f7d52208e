"""What every problem says to type: each `./inv` line in the program's own texts is one that it understands, and none
takes away what its problem does not name."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from tests import support
from tests.fixes import COMMANDS, CORE, DESTROYING, FLAG, LINE, REMOVING


class Said(NamedTuple):
    """One text of the program: its place, the text with `{…}` for what is filled in, the function around it."""

    where: str
    text: str
    around: str


SAYING = ("./inv ", "env.unset", "docker ", "remove-service", "rm ", "prune", "--no-preserve-root", "git ")
"""What stands in every source that has a line to look at: to read the others costs a second."""


@cache
def texts() -> list[Said]:
    """Every text that may have a line to type and is no docstring."""
    paths = sorted((support.ROOT / "stack").rglob("*.py"))
    sources = {str(path.relative_to(support.ROOT)): path.read_text() for path in paths}
    return [said for name, source in sources.items() if any(word in source for word in SAYING)
            for said in read(name, source)]  # fmt: skip


def read(name: str, source: str) -> Iterator[Said]:
    """The texts of one module."""
    tree = ast.parse(source)
    nodes = list(walked(tree))
    docs = {id(node.value) for _, node in nodes if isinstance(node, ast.Expr)}
    inner = {id(part) for _, node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for function, node in nodes:
        if id(node) not in docs | inner and (text := written(node)):
            around = ast.unparse(function or tree) if REMOVING.search(text) else ""
            yield Said(f"{name}:{getattr(node, 'lineno', 0)}", text, around)


def walked(tree: ast.AST) -> Iterator[tuple[ast.AST | None, ast.AST]]:
    """Every node below, with the function that it stands in."""
    ahead: list[tuple[ast.AST | None, ast.AST]] = [(None, tree)]
    while ahead:
        function, node = ahead.pop()
        within = node if isinstance(node, ast.FunctionDef) else function
        below = [(within, child) for child in ast.iter_child_nodes(node)]
        yield from below
        ahead += below


def written(node: ast.AST) -> str:
    """A text as it stands in the source; empty for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        parts = [p.value if isinstance(p, ast.Constant) else "{" + ast.unparse(p.value).replace("'", "") + "}"
                 for p in node.values if isinstance(p, ast.Constant | ast.FormattedValue)]  # fmt: skip
        return "".join(map(str, parts))
    return ""


PROSE = {"act", "does", "has", "reads", "write"}
"""Verbs of sentences about the program."""


def typed() -> list[tuple[str, re.Match[str]]]:
    """Each line to type, with the place of its text."""
    return [(said.where, match) for said in texts() if "./inv " in said.text for match in LINE.finditer(said.text)
            if match[1] not in PROSE]  # fmt: skip


def test_there_are_many_lines_to_look_at() -> None:
    assert len(typed()) > 100


def test_each_command_that_a_text_names_is_there_and_has_the_flags_that_it_is_given() -> None:
    assert [(where, match[0]) for where, match in typed() if match[1].rstrip(".") not in COMMANDS] == []
    strange = [(where, flag) for where, match in typed() for flag in FLAG.findall(match[2])
               if flag not in set(COMMANDS[match[1].rstrip(".")].flags) | CORE]  # fmt: skip
    assert strange == []


def test_what_a_text_says_to_take_away_is_named_elsewhere_in_its_problem() -> None:
    """By the very expression, or name, that stands in the message or the place."""
    for said in texts():
        for match in REMOVING.finditer(said.text):
            what = match[1].strip("{}")
            assert said.around.replace("'", "").count(what) > 1, (said.where, match[0])


def test_no_text_destroys_what_is_not_the_stacks_own() -> None:
    assert [(said.where, said.text) for said in texts() if "\n" not in said.text and DESTROYING.search(said.text)] == []


def test_the_scan_sees_what_it_is_to_see() -> None:
    bad = ast.parse('def f(n): return fail("c", "m", fix=f"./inv env.unsett {n} --hard")')
    found = [match for _, node in walked(bad) for match in LINE.finditer(written(node))]
    assert {match[1] for match in found} == {"env.unsett"}
    assert FLAG.findall(found[0][2]) == ["--hard"]
