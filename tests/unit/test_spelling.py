"""How messages spell what a user types."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted([ROOT / "tasks.py", *(ROOT / "stack").rglob("*.py")])
OTHERS = {"stack/cli/completion.py"}
"""What has to do with a shell's own words for the program."""
BARE = re.compile(r"(?<![\w./-])inv(?= [a-z{-]|$)")


def said(path: Path) -> Iterator[str]:
    """The texts of a module that are no docstrings."""
    tree = ast.parse(path.read_text())
    docs = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_a_message_names_the_program_as_it_is_typed() -> None:
    found: dict[str, list[str]] = {}
    for path in MODULES:
        # A module is looked through for texts only where the word stands: that takes a tenth of the time.
        if str(path.relative_to(ROOT)) not in OTHERS and re.search(r"(?<!\./)inv(?![a-z])", path.read_text()):
            found[str(path)] = [text for text in said(path) if BARE.search(text) and text != "inv"]
    assert {path: texts for path, texts in found.items() if texts} == {}
