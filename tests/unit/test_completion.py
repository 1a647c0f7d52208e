"""Completion in the shell."""

import subprocess
import sys
from pathlib import Path

import pytest

from stack.cli import completion
from stack.errors import StackError
from tests import support

LAUNCHER = f'#!/bin/sh\nexec "{sys.executable}" -m stack "$@"\n'
ASK = """
source <(./inv --print-completion-script bash)
COMP_WORDS=({typed})
_complete_inv "{first}" "{last}"
printf '%s\\n' "${{COMPREPLY[@]}}"
complete -p ./inv inv
"""


def completed(folder: Path, typed: str) -> list[str]:
    """What bash offers for the words typed so far, in a checkout whose environment is not active."""
    launcher = folder / "inv"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    first, *_, last = typed.split()
    words = ASK.format(typed=typed, first=first, last=last)
    env = {**support.environment(), "PYTHONPATH": str(support.ROOT)}
    done = subprocess.run(["bash", "-c", words], cwd=folder, env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split("complete -o")[0].split()


@pytest.mark.parametrize("program", ["inv", "./inv"])
def test_bash_completes_commands_and_flags(tmp_path: Path, program: str) -> None:
    assert completed(tmp_path, f"{program} pl") == ["plan"]
    assert completed(tmp_path, f"{program} plan --pr") == ["--profile"]


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_the_script_asks_the_launcher(shell: str) -> None:
    text = completion.script(shell)
    assert "./inv " in text
    assert "(inv " not in text
    assert "`inv " not in text


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
