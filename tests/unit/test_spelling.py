"""How messages spell what a user types."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted([ROOT / "tasks.py", *(ROOT / "stack").rglob("*.py")])
OTHERS = {"stack/cli/completion.py"}
"""What has to do with a shell's own words for the program."""


def said(path: Path) -> Iterator[str]:
    """The texts of a module that are no docstrings."""
    tree = ast.parse(path.read_text())
    docs = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


@pytest.mark.parametrize("path", [p for p in MODULES if str(p.relative_to(ROOT)) not in OTHERS], ids=lambda p: p.stem)
def test_a_message_names_the_program_as_it_is_typed(path: Path) -> None:
    assert [text for text in said(path) if re.search(r"(?<![\w./-])inv(?= [a-z{-]|$)", text) and text != "inv"] == []
