"""Reading a YAML file, with errors that name the line."""

import pytest

from stack import yamlfile
from stack.errors import Problem, StackError


def refused(text: str) -> Problem:
    """What is wrong with a text."""
    with pytest.raises(StackError) as caught:
        yamlfile.load("compose/a.yml", text)
    [problem] = caught.value.problems
    return problem


def test_composes_tags_are_read_as_plain_values() -> None:
    text = "a: !override {b: 1}\nc: !override [1, 2]\nd: !reset null\ne: !reset\nf: !override x\n"
    assert yamlfile.load("a.yml", text) == {"a": {"b": 1}, "c": [1, 2], "d": None, "e": None, "f": "x"}


def test_anchors_and_merges_are_resolved() -> None:
    assert yamlfile.load("a.yml", "x: &x {a: 1}\ny: {<<: *x, b: 2}\n")["y"] == {"a": 1, "b": 2}


def test_an_empty_file_is_nothing() -> None:
    assert yamlfile.load("a.yml", "") is None
    assert yamlfile.load("a.yml", "# only words\n") is None


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("a: [1\n", "expected ',' or ']', but got '<stream end>'", 2),
        ("a: 1\nb: 2\na: 3\n", 'duplicate key: "a"', 3),
        ("a:\n  b: 1\n  b: 2\n", 'duplicate key: "b"', 3),
        ("a: 1\n---\nb: 1\n", "expected a single document in the stream, but found another document", 2),
        ("\ta: 1\n", "found character '\\t' that cannot start any token", 1),
        ("a: *nowhere\n", "found undefined alias 'nowhere'", 1),
        ("a: b: c\n", "mapping values are not allowed here", 1),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(text: str, said: str, line: int) -> None:
    problem = refused(text)
    assert problem.message == said
    assert problem.where == f"compose/a.yml:{line}"
    assert problem.fix == f"edit compose/a.yml:{line}"


def test_an_unknown_tag_is_told() -> None:
    assert "!vault" in refused("a: !vault x\n").message


def test_a_day_that_there_is_not_is_told() -> None:
    assert refused("a: 2024-13-45\n").message == "month must be in 1..12"


def test_a_control_character_is_told() -> None:
    assert refused("a: \x01\n").where.startswith("compose/a.yml")


def test_bytes_that_are_no_text_are_told_with_their_line() -> None:
    with pytest.raises(StackError) as caught:
        yamlfile.decode("compose/a.yml", b"a: 1\nb: \xff\n")
    assert caught.value.problems[0].where == "compose/a.yml:2"


def test_a_byte_order_mark_does_not_count() -> None:
    assert yamlfile.decode("a.yml", "\ufeffa: 1".encode()) == "a: 1"
