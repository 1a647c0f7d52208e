"""The words of a way in: what is refused, and with what to type instead."""

import pytest

from stack.authoring import doors
from stack.errors import USAGE, StackError

LABEL = "a" * 63


@pytest.mark.parametrize(
    ("path", "host", "words"),
    [
        ("/a", "a", "a path or a host"),
        ("", "X.localhost", "is no name"),
        ("", "x.localhost:80", "is no name"),
        ("", "x.localhost.", "is no name"),
        ("", "http://x", "is no name"),
        ("", f"a{LABEL}", "is too long"),
        ("", ".".join([LABEL] * 4), "is too long"),
        ("//x", "", "is no path"),
        ("/a%2Fb", "", "is no path"),
        ("/${NAME}", "", "is no path"),
        ("/", "", "is no path"),
        ("/" + "a" * 8192, "", "is too long"),
    ],
)
def test_what_no_request_can_ask_for_is_refused_in_one_short_line(path: str, host: str, words: str) -> None:
    with pytest.raises(StackError, match=words) as caught:
        doors.door(path, host, 80, "none", False)
    assert caught.value.exit_code == USAGE
    assert len(caught.value.problems) == 1
    assert len(caught.value.problems[0].message) < 300
    assert caught.value.problems[0].fix


def test_the_longest_ones_are_taken() -> None:
    assert doors.door("/" + "a" * 7999, "", 80, "none", False).path
    assert doors.door("", f"{LABEL}.{LABEL}.{LABEL}.example", 80, "none", False).host
