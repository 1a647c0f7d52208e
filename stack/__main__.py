"""`python -m stack`: what ./inv runs."""

import sys
from types import ModuleType

UNUSED = ("unittest.mock", "importlib.metadata")
"""What Invoke takes along for tests of tasks, and to tell its own version: with asyncio, ssl and email, a third of the
time that it takes to start (findings/invoke-loads-a-mocking-library.sh)."""


def load_invoke() -> None:
    """Import Invoke with nothing in the place of UNUSED; who imports one of them later gets the real one."""
    for name in UNUSED:
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__dict__["__getattr__"] = lambda _: str
    import invoke  # noqa: F401

    for name in UNUSED:
        del sys.modules[name]


load_invoke()

from stack.program import main  # noqa: E402 - behind Invoke

main()
