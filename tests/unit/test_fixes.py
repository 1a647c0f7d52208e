"""What every problem says to type: each `./inv` line in the program's own texts is one that it understands, and none
takes away what its problem does not name."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests import support
from tests.fixes import COMMANDS, CORE, DESTROYING, FLAG, LINE, REMOVING


class Said(NamedTuple):
    """One text of the program: its place, the text with `{…}` for what is filled in, the function around it."""

    where: str
    text: str
    around: str


def texts() -> Iterator[Said]:
    """Every text of the package that is no docstring."""
    for path in sorted((support.ROOT / "stack").rglob("*.py")):
        tree = ast.parse(path.read_text())
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for function, node in walked(tree):
            if id(node) not in docs | inner and (text := written(node)):
                around = ast.unparse(function or tree) if REMOVING.search(text) else ""
                yield Said(f"{path.relative_to(support.ROOT)}:{getattr(node, 'lineno', 0)}", text, around)


def walked(node: ast.AST, function: ast.AST | None = None) -> Iterator[tuple[ast.AST | None, ast.AST]]:
    """Every node below, with the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        yield function, child
        yield from walked(child, child if isinstance(child, ast.FunctionDef) else function)


def written(node: ast.AST) -> str:
    """A text as it stands in the source; empty for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        parts = [p.value if isinstance(p, ast.Constant) else "{" + ast.unparse(p.value).replace("'", "") + "}"
                 for p in node.values if isinstance(p, ast.Constant | ast.FormattedValue)]  # fmt: skip
        return "".join(map(str, parts))
    return ""


TEXTS = list(texts())
PROSE = {"act", "does", "has", "reads", "write"}
"""Verbs of sentences about the program."""
TYPED = [(said.where, match) for said in TEXTS if "./inv " in said.text for match in LINE.finditer(said.text)
         if match[1] not in PROSE]  # fmt: skip


def test_there_are_many_lines_to_look_at() -> None:
    assert len(TYPED) > 100


@pytest.mark.parametrize("name", sorted({match[1].rstrip(".") for _, match in TYPED}))
def test_each_command_that_a_text_names_is_there_and_has_the_flags_that_it_is_given(name: str) -> None:
    assert name in COMMANDS, [where for where, match in TYPED if match[1].rstrip(".") == name]
    own = set(COMMANDS[name].flags) | CORE
    strange = [(where, flag) for where, match in TYPED if match[1] == name
               for flag in FLAG.findall(match[2]) if flag not in own]  # fmt: skip
    assert strange == []


def test_what_a_text_says_to_take_away_is_named_elsewhere_in_its_problem() -> None:
    """By the very expression, or name, that stands in the message or the place."""
    for said in TEXTS:
        for match in REMOVING.finditer(said.text):
            what = match[1].strip("{}")
            assert said.around.replace("'", "").count(what) > 1, (said.where, match[0])


def test_no_text_destroys_what_is_not_the_stacks_own() -> None:
    assert [(said.where, said.text) for said in TEXTS if "\n" not in said.text and DESTROYING.search(said.text)] == []


def test_the_scan_sees_what_it_is_to_see() -> None:
    bad = ast.parse('def f(n): return fail("c", "m", fix=f"./inv env.unsett {n} --hard")')
    found = [match for _, node in walked(bad) for match in LINE.finditer(written(node))]
    assert {match[1] for match in found} == {"env.unsett"}
    assert FLAG.findall(found[0][2]) == ["--hard"]
