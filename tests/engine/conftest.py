"""What the engine tests share: checkouts of their own, each removed from the engine afterwards by its label."""

import contextlib
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.engine.support import browser, ports, stacks, swarms
from tests.engine.support.cluster import Cluster, cluster, why_not
from tests.engine.support.stacks import Stack
from tests.support import keep

_numbers = itertools.count(1)
# Not one twice in a row: what a test left there is gone by the time that its turn comes again.
_bases = itertools.cycle(ports.own(ports.CHECKOUTS))

LONGEST = ("swarm", "doctor_services", "gateway_load", "kills", "theirs", "theirs_generated", "redis_sources",
           "database", "plain_compose", "all_standins")  # fmt: skip
"""The files that take longest, those first that one test takes long in."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, then with those of the most tests: a long one that begins last has every
    other worker wait for it."""
    tests = Counter(item.path for item in items)
    rank = {f"test_{name}": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (rank.get(item.path.stem, len(rank)), -tests[item.path], item.path))


def _make(folder: Path, whole: bool = False, **settings: str) -> Stack:
    stacks.copy_tree(folder)
    if not whole:
        keep(folder)
    project = settings.pop("PROJECT_NAME", f"t{os.getpid()}-{next(_numbers)}")
    base_port = int(settings.pop("BASE_PORT", 0)) or ports.first_free(_bases, ports.CHECKOUTS.step)
    lines = {"PROJECT_NAME": project, "BASE_PORT": str(base_port), "STACK_PROFILES": "small", **settings}
    (folder / ".env").touch(0o600)
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return Stack(folder, project, base_port)


@pytest.fixture(scope="session")
def base_image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The project's own base image and its Redis, made by the project itself where they are not here yet; by one worker
    while the others wait."""
    folder = tmp_path_factory.mktemp("images")
    with FileLock(folder.parent.parent / "images.lock"):
        if stacks.run("docker", "image", "inspect", stacks.BASE, stacks.REDIS).code:
            stack = _make(folder / "checkout", False, **stacks.BUILT)
            try:
                stack.up("--service", "redis")
            finally:
                stacks.remove(stack.project)
    return stacks.BASE


@pytest.fixture(scope="module")
def driver(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A browser for pages on this machine's 127.0.0.1; its image is built where neither it nor Debian's is here."""
    folder = tmp_path_factory.mktemp("browser")
    with FileLock(folder.parent.parent / "browser.lock"):
        if not browser.is_here():
            stacks.needs("host's network")
            stack = _make(folder / "checkout")
            browser.add(stack.root, "small")
            try:
                stack.up("--service", browser.NAME)
            finally:
                stacks.remove(stack.project)
    with browser.of_machine() as address:
        yield address


@pytest.fixture(scope="session")
def swarm(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three engines in one swarm, made once for all tests that ask for them: these stand in one file, which one worker
    has. A test leaves them in one swarm, with all of them there."""
    if reason := why_not():
        pytest.skip(f"no three engines here: {reason}")
    swarms.build(tmp_path_factory.mktemp("swarm") / "checkout")
    with cluster() as made:
        yield made


@contextlib.contextmanager
def _maker(folder: Path) -> Iterator[Callable[..., Stack]]:
    made: list[Stack] = []

    def make(name: str = "checkout", *, whole: bool = False, **settings: str) -> Stack:
        made.append(_make(folder / name, whole, **settings))
        return made[-1]

    yield make
    for stack in made:
        stacks.remove(stack.project)


@pytest.fixture
def new_stack(tmp_path: Path, base_image: str) -> Iterator[Callable[..., Stack]]:
    """Make a checkout, of the core's services alone unless `whole`: `.env` holds PROJECT_NAME, BASE_PORT, the profile
    `small`, and what is given."""
    with _maker(tmp_path) as make:
        yield make


@pytest.fixture(scope="module")
def new_lasting_stack(tmp_path_factory: pytest.TempPathFactory, base_image: str) -> Iterator[Callable[..., Stack]]:
    """The same for a checkout that all tests of a file share."""
    with _maker(tmp_path_factory.mktemp("lasting")) as make:
        yield make


@pytest.fixture
def stack(new_stack: Callable[..., Stack]) -> Stack:
    """One checkout with the profile `small`, which holds what the test puts there."""
    return new_stack()
