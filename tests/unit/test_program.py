"""What the words on the command line mean, and what a usage error says."""

import pytest

from stack.program import explain, ordered, summary

NAMES = ["down", "env.get", "env.set", "plan", "up"]
FLAGS = ["--base-port", "--json", "--profile", "--timeout"]
NEAR, FLAG = 'did you mean "plan"?', 'did you mean "--timeout"?'
VALUELESS = "needed value and was not given one!"
MISSING = "'env.get' did not receive required positional arguments: 'name'"


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
        ("--complete -- plan --js", "--complete -- plan --js"),
        ("", ""),
    ],
)
def test_flags_may_stand_anywhere(typed: str, read: str) -> None:
    assert ordered(["inv", *typed.split()]) == ["inv", *read.split()]


@pytest.mark.parametrize(
    ("message", "task", "code", "said", "fix"),
    [
        ("No idea what 'pla' is!", "pla", "unknown-command", "there is no command 'pla'", NEAR),
        ("No idea what 'xyz' is!", "xyz", "unknown-command", "there is no command 'xyz'", "inv --list"),
        ("No idea what '--timout' is!", "up", "unknown-flag", "up has no flag --timout", FLAG),
        ("No idea what '--xyz=1' is!", "up", "unknown-flag", "up has no flag --xyz=1", "inv up --help"),
        ("No idea what '-x' is!", "up", "unknown-flag", "up has no flag -x", "inv up --help"),
        (f"Flag <Argument: timeout> {VALUELESS}", "up", "usage", "--timeout needs a value", "inv up --help"),
        (
            f"Flag <Argument: base-port*> {VALUELESS}",
            "up",
            "usage",
            "--base-port needs a value",
            "inv up --help",
        ),
        (MISSING, "env.get", "usage", MISSING, "inv env.get --help"),
    ],
)
def test_a_usage_error_says_what_to_type(message: str, task: str, code: str, said: str, fix: str) -> None:
    problem = explain(message, task, NAMES, FLAGS)
    assert (problem.code, problem.message, problem.fix) == (code, said, fix)


@pytest.mark.parametrize(("word", "fix"), [("--lst", 'did you mean "--list"?'), ("-x", "inv --help")])
def test_an_unknown_flag_without_a_command_is_told(word: str, fix: str) -> None:
    problem = explain(f"No idea what '{word}' is!", "", NAMES, [])
    assert (problem.message, problem.fix) == (f"inv has no flag {word}", fix)


def test_a_command_is_listed_with_the_first_line_of_its_docstring() -> None:
    def command() -> None:
        """Do it.

        Slowly."""

    assert summary(command) == "Do it."
    assert summary(lambda: None) == ""
