"""A question in a terminal, and what counts as yes."""

import os
import pty
import sys

import pytest

from stack.errors import StackError
from stack.output import consent


@pytest.mark.parametrize(
    ("typed", "enter", "agreed"),
    [("\n", True, True), ("\n", False, False), ("y\n", False, True), ("YES\n", True, True), ("n\n", True, False),
     ("what\n", True, False), ("\x04", True, False)],
)  # fmt: skip
def test_what_is_typed_is_the_answer_and_enter_the_one_that_is_shown(
    monkeypatch: pytest.MonkeyPatch, typed: str, enter: bool, agreed: bool
) -> None:
    keyboard, terminal = pty.openpty()
    with os.fdopen(terminal) as stdin, os.fdopen(os.dup(terminal), "w") as stderr:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "stderr", stderr)
        os.write(keyboard, typed.encode())
        ask = consent.asker(enter)
        assert ask is not None
        assert ask("Write it?") is agreed
        shown = ""
        while "/" not in shown:
            shown += os.read(keyboard, 1000).decode()
    os.close(keyboard)
    assert ("[Y/n]" in shown) is enter


def test_where_nobody_can_be_asked_the_line_that_agrees_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "asker", lambda: None)
    with pytest.raises(StackError) as refused:
        consent.agree("this would go", "./inv go --yes")
    assert [(one.message, one.fix) for one in refused.value.problems] == [("this would go", "./inv go --yes")]
    consent.agree("this would go", "./inv go --yes", yes=True)


def test_no_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "asker", lambda: lambda _: False)
    with pytest.raises(StackError) as refused:
        consent.agree("this would go", "./inv go --yes", "nothing went")
    assert refused.value.problems[0].message == "nothing went"
