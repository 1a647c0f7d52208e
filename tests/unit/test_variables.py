"""The variables that a Compose file refers to."""

import pytest

from stack.env.variables import Reference, pieces, references, variables


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("$A ${B} ${C:-c} ${D-d} ${E:-}", {"A": None, "B": None, "C": "c", "D": "d", "E": ""}),
        ("${A:+a} ${B:?b}", {"A": "", "B": None}),
        ("$$A $${B} $$$C", {"C": None}),
        ("${A:-${B:-${C-c}}}x}", {"A": "${B:-${C-c}}", "B": "${C-c}", "C": "c"}),
        ("${A} ${A:-1} ${A:-2}", {"A": "1"}),
        ("${MY-SERVICE} ${} $1 $ ${1}", {"MY": "SERVICE"}),
    ],
)
def test_every_form_of_a_reference(text: str, found: dict[str, str | None]) -> None:
    assert references(text) == found


def test_comments_are_left_out_and_what_only_looks_like_one_is_not() -> None:
    text = """
# ${NO}
a: b # ${NO}
b: "x # ${A:-a}" # ${NO}
c: [ "a", 'it''s # ${B}', e#$C, "q"] # $NO
d: |  # $NO
  # ${D:-${E:-e}}
  x

  # $F $$NO
# ${NO}
e: it's # ${NO}
f:
  - |
    # $G
  - echo 'x # ${NO}
  - >-
    # $H
"""
    assert variables(text) == {
        "A": "a",
        "B": None,
        "C": None,
        "D": "${E:-e}",
        "E": "e",
        "F": None,
        "G": None,
        "H": None,
    }


def test_a_text_falls_into_what_is_literal_and_references_with_their_arguments() -> None:
    text = "a${A:-${B:-x}}$$C$D${E?say}"
    assert pieces(text) == [
        "a",
        Reference("A", ":-", "${B:-x}"),
        "$$C",
        Reference("D", "", ""),
        Reference("E", "?", "say"),
    ]
