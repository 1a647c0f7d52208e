"""The assembled text holds any values, for every reader of YAML."""

import io
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stack.planning import assembly, model

# All that JSON can carry: Compose's output, from which the values come, is JSON.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "yes",
        "null",
        "1.0",
        "0x10",
        "1e3",
        "2020-01-01",
        "$$A",
        "${A}",
        "a: b",
        "- a",
        "\n",
        "\x00",
        "\x85",
        "\u2028",
        "\ufeff",
    ]
)
LINES = st.lists(TEXT | st.sampled_from(["", " ", "\t", " a", "a ", "a\tb", "\r", "# no comment", "---"]),
                 max_size=4).map("\n".join)  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(TEXT, VALUES, min_size=1, max_size=3)


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(io.StringIO(text))


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS)
def test_any_value_is_read_as_it_was(document: dict[str, Any]) -> None:
    assert read(assembly.to_yaml(document)) == document


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(TEXT, VALUES | LINES | st.lists(LINES, max_size=3), min_size=1, max_size=3))
def test_a_text_of_several_lines_is_read_as_it_was_where_it_stands_in_lines(document: dict[str, Any]) -> None:
    assert read(assembly.to_yaml(document, as_lines=True)) == document


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS)
def test_any_value_is_one_line_for_each_scalar(document: dict[str, Any]) -> None:
    """No text runs over lines, so that a diff of two projects shows what changed."""
    assert len(assembly.to_yaml(document).splitlines()) <= _nodes(document)


def _nodes(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(1 + _nodes(item) for item in value.values())
    return 1 + sum(map(_nodes, value)) if isinstance(value, list) else 1


SECRETS = st.from_regex(r"[A-Z][A-Z0-9]{0,3}(_[A-Z0-9]{1,3}){0,2}", fullmatch=True)
AROUND = st.text(st.sampled_from("_S$A:/{}x"), max_size=4).filter(lambda text: "__" not in text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(AROUND, SECRETS), min_size=1, max_size=4), AROUND)
def test_every_token_is_found_and_becomes_its_variable(parts: list[tuple[str, str]], end: str) -> None:
    text = "".join(before + model.token(name) for before, name in parts) + end
    assert model.secrets_of(text) >= {name for _, name in parts}
    written = assembly._with_variables(text, set())
    expected = "".join(f"{before}${{{name}:?not in .env, run ./inv up}}" for before, name in parts) + end
    assert written == expected
