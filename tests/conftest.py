"""What all tests share."""

import compileall
import gc
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from stack.planning import checkouts
from tests import support
from tests.support import Checkout

settings.register_profile("long", max_examples=500, deadline=None)
# What is read up to the first test stays: to look through it for garbage took a sixth of the time.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on, garbage is looked for among what the tests make."""
    gc.freeze()
    gc.enable()


JUDGES = "engine/test_gateway_requests.py"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which engines answered the gateway's table of requests, and why another did not."""
    ran, absent = dict[str, str](), dict[str, str]()
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(outcome):
            engine = report.nodeid.rpartition("[")[2].removesuffix("]")
            if JUDGES in report.nodeid and outcome == "skipped" and isinstance(report.longrepr, tuple):
                absent[engine] = str(report.longrepr[2]).removeprefix("Skipped: ")
            elif JUDGES in report.nodeid:
                ran[engine] = outcome
    if ran or absent:
        told = "".join(f"; not {name}: {why}" for name, why in absent.items())
        terminalreporter.write_line(f"the gateway's requests were judged by {', '.join(['the simulator', *ran])}{told}")


@pytest.fixture(scope="session")
def bytecode() -> None:
    """Python's bytecode beside the program, so that copies of it start fast."""
    compileall.compile_dir(support.ROOT / "stack", quiet=2)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def answers(shared: Path) -> Path:
    """Where it is kept what Compose says to commands."""
    folder = shared / "answers"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def root(shared: Path, bytecode: None) -> Path:
    """A copy of what is shipped that is only read, shared by all workers: what was made of it is kept there."""
    checkout = shared / "shipped"
    with FileLock(shared / "shipped.lock"):
        if not checkout.exists():
            support.make(checkout, support.SHIPPED, {})
            checkouts.read(checkout, shell={})
    return checkout


@pytest.fixture
def checkout(tmp_path: Path, root: Path, answers: Path) -> Checkout:
    """A copy of all that this project ships, with what its files say as the program has read it before."""
    known = {support.READ: (root / support.READ).read_text()}
    return support.make(tmp_path / "checkout", support.SHIPPED, known, answers)


@pytest.fixture
def tree(tmp_path: Path, bytecode: None, answers: Path) -> Callable[[Mapping[str, str]], Checkout]:
    """Make a checkout of the program and the files given, nothing else."""
    return lambda files: support.make(tmp_path / "checkout", support.PROGRAM, files, answers)


@pytest.fixture
def pair(tree: Callable[[Mapping[str, str]], Checkout]) -> Checkout:
    """A checkout of two services: a page that requires a database."""
    return tree(support.PAIR)
