"""Completion in the shell."""

import subprocess
import sys
from pathlib import Path

import pytest

import tasks
from stack.cli import candidates, completion, usage
from stack.errors import StackError
from tests import support
from tests.support import Checkout

LAUNCHER = f'#!/bin/sh\nexec "{sys.executable}" -m stack "$@"\n'
ASK = """
source <(./inv --print-completion-script bash)
COMP_LINE='{typed}' COMP_POINT={point}
_complete_inv
printf '%s\\n' "${{COMPREPLY[@]}}"
complete -p ./inv inv
"""


def completed(folder: Path, typed: str) -> list[str]:
    """What bash offers for the words typed so far, in a checkout whose environment is not active."""
    launcher = folder / "inv"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    words = ASK.format(typed=typed, point=len(typed))
    env = {**support.environment(), "PYTHONPATH": str(support.ROOT)}
    done = subprocess.run(["bash", "-c", words], cwd=folder, env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split("complete -o")[0].split()


@pytest.mark.parametrize("program", ["inv", "./inv"])
def test_bash_completes_commands_and_flags(tmp_path: Path, program: str) -> None:
    assert completed(tmp_path, f"{program} pl") == ["plan"]
    assert completed(tmp_path, f"{program} plan --pr") == ["--profile"]


def test_bash_takes_the_part_behind_an_equals_sign_alone(tmp_path: Path) -> None:
    assert completed(tmp_path, "./inv up --source redis=e") == ["external"]


TASKS = tasks.namespace
OPTIONS = {name: usage.options(TASKS[name].get_arguments(ignore_unknown_help=True)) for name in TASKS.task_names}


def asked_for(line: str) -> list[str]:
    """What is looked up for the end of a line: the value's word, and the service that the line names."""
    return candidates.of(line, OPTIONS, lambda word, service: [f"{word}/{service}"])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("./inv up --profile ", ["PROFILE/"]),
        ("./inv up --source ", ["SERVICE=SOURCE/"]),
        ("./inv up ", ["SERVICE/"]),
        ("./inv up redis ", ["SERVICE/redis"]),
        ("./inv status ", ["SERVICE/"]),
        ("./inv doctor --check ", ["CHECK/"]),
        ("./inv source redis ", ["SOURCE/redis"]),
        ("./inv source --service redis --to ", ["SOURCE/redis"]),
        ("./inv env.get ", ["SETTING/"]),
        ("./inv env.set REDIS_PORT ", ["VALUE/REDIS_PORT"]),
        ("./inv env.get REDIS_PORT ", []),
        ("./inv route.remove --name ", ["ROUTE/"]),
        ("./inv route.add notes --auth ", ["AUTH/notes"]),
        ("./inv version ", []),
        ("./inv nothing ", []),
        ("./inv up 'an open quote", []),
    ],
)
def test_a_value_is_asked_of_what_has_it(line: str, found: list[str]) -> None:
    assert asked_for(line) == found


def test_commands_and_flags_are_told_once_but_for_lists() -> None:
    assert asked_for("./inv env.") == ["env.check", "env.get", "env.list", "env.migrate", "env.set", "env.unset"]
    assert asked_for("./inv help env.l") == ["env.list"]
    left = asked_for("./inv up --once --profile ai --")
    assert "--profile" in left
    assert "--once" not in left


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("env.get REDIS_P", {"REDIS_PASSWORD", "REDIS_PORT"}),
        ("up --profile a", {"ai", "all", "app"}),
        ("up --source redis=", {"redis=build", "redis=external", "redis=localhost"}),
        ("up re", {"redis"}),
        ("source ollama container-", {"container-gpu", "container-rocm"}),
        ("route.remove n", {"n8n", "neo4j"}),
        ("doctor --check po", {"port-taken"}),
        ("test --only ", {"unit", "property", "model", "engine", "gateway"}),
    ],
)
def test_values_are_those_of_the_catalogue(line: str, some: set[str]) -> None:
    assert some <= set(candidates.of(f"./inv {line}", OPTIONS, candidates.values))


def test_a_checkout_that_can_not_be_read_completes_commands_still(pair: Checkout) -> None:
    pair.write("compose/web.yml", "{")
    assert pair.inv("--complete", "--", "./inv pl").out == "plan\n"
    done = pair.inv("--complete", "--", "./inv up ")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_another_shell_is_told_which_there_are() -> None:
    with pytest.raises(StackError) as caught:
        completion.script("tcsh")
    assert caught.value.exit_code == 2
    assert "bash, fish, zsh" in caught.value.problems[0].fix


@pytest.mark.parametrize(
    ("words", "shell"),
    [
        (["inv", completion.OPTION, "zsh"], "zsh"),
        (["inv", f"{completion.OPTION}=zsh"], "zsh"),
        (["inv", completion.OPTION], ""),
        (["inv", "plan"], None),
    ],
)
def test_which_shell_is_asked_for(words: list[str], shell: str | None) -> None:
    assert completion.asked(words) == shell
