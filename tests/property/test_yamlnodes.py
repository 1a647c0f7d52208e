"""Two readers of YAML, which must agree: ours from the C parser's nodes, and ruamel's."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stack import yamlfile, yamlnodes
from tests.support import ROOT

PLAIN = [
    "a", "on", "off", "yes", "NO", "true", "False", "null", "~", "1", "-1", "+2", "007", "0o17", "0x1F", "0b11",
    "1_000", "1e5", ".5", "-.inf", ".nan", "12:30:45", "2024-01-01", "2024-13-45", "2001-12-14t21:59:43.10-05:00",
    "=", "<<", "${A}", "a.b", "é", "\U0001f600",
]  # fmt: skip
WORDS = st.one_of(st.sampled_from(PLAIN), st.text(st.characters(codec="utf-8"), max_size=6))
SCALARS = st.one_of(WORDS, WORDS.map(lambda w: f"'{w}'"), WORDS.map(lambda w: f'"{w}"'), st.just(""))


def _flow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(SCALARS, inner), max_size=3)
    return st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        pairs.map(lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items) + "}"),
        inner.map(lambda value: f"&x {value}"), st.just("*x"), inner.map(lambda value: f"!!str {value}"),
    )  # fmt: skip


VALUES = st.recursive(SCALARS, _flow, max_leaves=8)
TEXTS = st.lists(st.tuples(SCALARS, VALUES), max_size=5).map(
    lambda pairs: "".join(f"{key}: {value}\n" for key, value in pairs)
)


def ruamel(text: str) -> Any:
    return yamlfile._loader(pure=False).load(text)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return (
            len(one) == len(other) and all(map(same, [*one], [*other])) and all(map(same, one.values(), other.values()))
        )
    return all(map(same, one, other)) and len(one) == len(other) if isinstance(one, list) else bool(one == other)


def places(node: Any) -> Any:
    """What the checks take of a node and of all below it."""
    if node is None or isinstance(node.value, str):
        return node and (node.value, node.style or "", node.start_mark.line)
    inside = [places(part) for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
    return (node.start_mark.line, inside)


@given(TEXTS)
@example("a: &x {b: on}\nc: [*x, *x]\nd: {<<: *x}\n")
@example("a: &x {b: *x}\n")
@example("a: 1\na: 2\n")
@example("? [a]\n: 1\n")
@example("a: |\n  x\n\n  y\nb: >-\n  z\n")
@example("a: !override [1]\nb: !reset null\nc: !!int '1'\n")
def test_both_give_the_same_values_and_lines(text: str) -> None:
    try:
        value = yamlnodes.values(text)
    except yamlnodes.UnusualError:
        return
    except YAMLError:
        with pytest.raises(YAMLError):
            ruamel(text)
        return
    try:
        json.dumps(value, default=str, skipkeys=True)
    except ValueError:
        return  # it holds itself, so there is no end of what could be compared
    assert same(value, ruamel(text))
    assert places(yamlnodes.nodes(text)) == places(YAML(typ="safe", pure=False).compose(text))


@pytest.mark.parametrize(
    "path", [*(ROOT / "compose").glob("*.yml"), ROOT / "kong/kong.yml"], ids=lambda path: path.stem
)
def test_what_is_shipped_is_read_by_the_fast_one_as_by_the_other(path: Path) -> None:
    text = path.read_text()
    try:
        value = yamlnodes.values(text)
    except yamlnodes.UnusualError:
        assert "<<:" in text or "!" in text
        return
    assert same(value, ruamel(text))
