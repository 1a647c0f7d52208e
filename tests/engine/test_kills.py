"""Commands killed at random moments (SIGKILL): no file is half written, no secret is outside .env, the next command
works, and the stack comes up again.

`./inv test --only soak` kills 300 and prints the counts; KILLS=60 KILLS_SEED=7 in front of it changes how many, and
repeats a run."""

import os
import random
from collections.abc import Callable

import pytest

from tests.engine.support import kills
from tests.engine.support.stacks import Stack


def test_twenty_commands_are_killed_and_nothing_is_broken(new_stack: Callable[..., Stack]) -> None:
    said: list[str] = []
    kills.run(new_stack, 20, 11, said.append)
    assert "20 killed" in said[-1]


@pytest.mark.soak
def test_hundreds_of_commands_are_killed_and_nothing_is_broken(
    new_stack: Callable[..., Stack], capsys: pytest.CaptureFixture[str]
) -> None:
    def say(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)

    seed = int(os.environ.get("KILLS_SEED") or random.SystemRandom().randrange(10**6))
    kills.run(new_stack, int(os.environ.get("KILLS") or 300), seed, say)
