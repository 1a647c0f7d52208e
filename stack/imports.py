"""Libraries without what they bring along and nothing here uses. Whoever imports that later gets the real one."""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType

UNUSED = ("unittest.mock", "importlib.metadata")
"""What Invoke takes along for tests of tasks, and to tell its own version: with asyncio, ssl and email, a third of the
time that it takes to start (findings/invoke-loads-a-mocking-library.sh)."""
YAML = "invoke.vendor.yaml"
"""What Invoke reads a configuration of its own with, where somebody has one: a tenth of the rest."""
EXTENSIONS = "typing_extensions"
"""What msgspec prefers to Python's own `typing`, which has the same: a third of its time."""
TABLES = ("rich.console", "rich.table")
"""What nearly every command prints with in the end."""
VIEWS = "stack.output.views"
"""How this program prints its results: those, and its own tables."""


def invoke() -> None:
    """Import Invoke, its YAML only once it reads any."""
    later = {name: _empty(name, lambda _: str) for name in UNUSED}
    later[YAML] = _empty(YAML, lambda name: getattr(importlib.import_module(YAML), name))
    with _in_place(later):
        importlib.import_module("invoke")


def msgspec() -> None:
    """Import msgspec by Python's own `typing`."""
    with _in_place({EXTENSIONS: None}):
        importlib.import_module("msgspec")


@contextlib.contextmanager
def meanwhile(*names: str) -> Iterator[None]:
    """Import modules that are needed afterwards while something else is waited for, as for another program."""
    import threading

    thread = threading.Thread(target=lambda: [importlib.import_module(name) for name in names])
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _empty(name: str, has: Callable[[str], object]) -> ModuleType:
    """A module that has nothing but what `has` makes of a name."""
    module = ModuleType(name)
    module.__dict__["__getattr__"] = has
    return module


@contextlib.contextmanager
def _in_place(others: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """Have `others` in the place of the modules of their names that are not there yet; None is for a module that can't
    be had."""
    new = {name: module for name, module in others.items() if name not in sys.modules}
    sys.modules.update(new)  # type: ignore[arg-type] # Python's own way to say that there is none
    try:
        yield
    finally:
        for name in new:
            sys.modules.pop(name, None)
