"""What the engine tests share: checkouts of their own, each removed from the engine afterwards by its label."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine import support_stack as support
from tests.engine.support_stack import Stack

# Runs at the same time begin at different numbers. Above these ports are those that the system hands out by itself.
_numbers = itertools.count(os.getpid() % 100 * 2)
FIRST = 20000
APART = 50
"""Ports of one checkout: BASE_PORT and what follows it, up to the offsets of tests' own services."""


def _base_port() -> int:
    """The next base port from which everything is free."""
    bases = (FIRST + (n * APART) % 10000 for n in itertools.islice(_numbers, 200))
    return next(base for base in bases if all(support.is_free(base + n) for n in range(APART)))


def _make(folder: Path, whole: bool = False, **settings: str) -> Stack:
    support.copy_tree(folder)
    if not whole:
        support.keep_core(folder)
    project = settings.pop("PROJECT_NAME", f"t{os.getpid()}-{next(_numbers)}")
    base_port = int(settings.pop("BASE_PORT", 0)) or _base_port()
    lines = {"PROJECT_NAME": project, "BASE_PORT": str(base_port), "STACK_PROFILES": "small", **settings}
    (folder / ".env").touch(0o600)
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return Stack(folder, project, base_port)


@pytest.fixture(scope="session")
def base_image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The project's own base image and its Redis, made by the project itself where they are not here yet."""
    if support.run("docker", "image", "inspect", support.BASE, support.REDIS).code:
        stack = _make(tmp_path_factory.mktemp("images") / "checkout", False, **support.BUILT)
        try:
            stack.up("--service", "redis")
        finally:
            support.remove(stack.project)
    return support.BASE


@pytest.fixture
def new_stack(tmp_path: Path, base_image: str) -> Iterator[Callable[..., Stack]]:
    """Make a checkout, of the core's services alone unless `whole`: `.env` holds PROJECT_NAME, BASE_PORT, the profile
    `small`, and what is given."""
    made: list[Stack] = []

    def make(name: str = "checkout", *, whole: bool = False, **settings: str) -> Stack:
        made.append(_make(tmp_path / name, whole, **settings))
        return made[-1]

    yield make
    for stack in made:
        support.remove(stack.project)


@pytest.fixture
def stack(new_stack: Callable[..., Stack]) -> Stack:
    """One checkout with the profile `small`, which holds what the test puts there."""
    return new_stack()
