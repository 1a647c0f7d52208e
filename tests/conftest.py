"""What all tests share."""

import compileall
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

from tests import support
from tests.support import Checkout

settings.register_profile("long", max_examples=500, deadline=None)


@pytest.fixture(scope="session")
def bytecode() -> None:
    """Python's bytecode beside the program, so that copies of it start fast."""
    compileall.compile_dir(support.ROOT / "stack", quiet=2)


@pytest.fixture
def checkout(tmp_path: Path, bytecode: None) -> Checkout:
    """A copy of all that this project ships."""
    return support.make(tmp_path / "checkout", support.SHIPPED, {})


@pytest.fixture
def tree(tmp_path: Path, bytecode: None) -> Callable[[Mapping[str, str]], Checkout]:
    """Make a checkout of the program and the files given, nothing else."""
    return lambda files: support.make(tmp_path / "checkout", support.PROGRAM, files)


@pytest.fixture
def pair(tree: Callable[[Mapping[str, str]], Checkout]) -> Checkout:
    """A checkout of two services: a page that requires a database."""
    return tree(support.PAIR)
