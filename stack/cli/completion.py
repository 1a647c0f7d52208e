"""Completion in the shell: Invoke's own scripts, made to ask `./inv` and to complete it."""

import contextlib
import io
import re
from collections.abc import Sequence

OPTION = "--print-completion-script"
SHELLS = ("bash", "fish", "zsh")
NAMES = ["inv", "./inv"]
"""What is completed. The first names the script's functions as well, so no shell may mind its letters."""


def asked(words: Sequence[str]) -> str | None:
    """The shell whose script these words ask for, empty where they name none; None where they ask for no script."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == OPTION:
            return following
        if word.startswith(f"{OPTION}="):
            return word.partition("=")[2]
    return None


def script(shell: str) -> str:
    """The script for a shell. It works in the checkout's root, whether .venv is active or not.

    Raises StackError for a shell that has none."""
    from invoke.completion.complete import print_completion_script

    from stack.errors import USAGE, fail

    if shell not in SHELLS:
        raise fail("usage", f"there is no completion for {shell!r}", OPTION, f"one of {', '.join(SHELLS)}", USAGE)
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        print_completion_script(shell, NAMES)
    return re.sub(r"(?<![\w/])inv (?=--complete|\$\{=)", "./inv ", text.getvalue())
