"""What the words on the command line mean, and what a usage error says."""

import pytest

from stack.cli.words import ordered
from stack.program import explain, summary
from tests.support import Checkout


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("plan", "plan"),
        ("plan --json", "plan --json"),
        ("--json plan", "plan --json"),
        ("env.get NAME --json", "env.get --json NAME"),
        ("env.set NAME --json VALUE", "env.set --json NAME VALUE"),
        ("--json plan --json", "plan --json"),
        ("plan --help", "--help plan"),
        ("plan -h", "--help plan"),
        ("env.set NAME --help", "--help env.set"),
        ("plan --profile ai --help --json", "--help plan"),
        ("--help", "--help"),
        ("--help plan", "--help plan"),
        ("--list", "--list"),
        ("", ""),
    ],
)
def test_flags_may_stand_anywhere(typed: str, read: str) -> None:
    assert ordered(["inv", *typed.split()]) == ["inv", *read.split()]


@pytest.mark.parametrize(("word", "fix"), [("--lst", 'did you mean "--list"?'), ("-x", "./inv --help")])
def test_an_unknown_flag_without_a_command_is_told(word: str, fix: str) -> None:
    problem = explain(f"No idea what '{word}' is!")
    assert (problem.message, problem.fix) == (f"./inv has no flag {word}", fix)


def test_a_command_is_listed_with_the_first_line_of_its_docstring() -> None:
    def command() -> None:
        """Do it.

        Slowly."""

    assert summary(command) == "Do it."
    assert summary(lambda: None) == ""


@pytest.mark.parametrize("words", [("up", "--help"), ("help", "up")])
def test_help_of_a_command_is_ours(pair: Checkout, words: tuple[str, ...]) -> None:
    done = pair.inv(*words)
    assert (done.code, done.err) == (0, "")
    assert "--timeout SECONDS        seconds for each service to get healthy (default 300)" in done.out
    assert "./inv up --profile ai" in done.out


def test_list_is_the_list_of_commands(pair: Checkout) -> None:
    assert pair.inv("list").out == pair.inv("--list").out
