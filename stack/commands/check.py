"""`inv test` and `inv lint`: the project's own checks."""

import subprocess
import sys

from stack import tree
from stack.errors import FAILED, OK, USAGE, fail
from stack.names import echoed, suggest
from stack.output.result import Result

KINDS = ("unit", "property", "model", "engine")
TOPICS = {"gateway": ("gateway", "rout")}
"""Tests of every kind that run by a name of their own: what the names of their files have in them."""
SOAK = "soak"
"""Engine tests that take an hour; they run by this name alone."""
LINTS = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))


def test(only: str, k: str) -> Result:
    """Run the tests of one kind or topic, or all; the engine's need an engine, so it is set up first."""
    known = (*KINDS, *TOPICS, SOAK)
    if only and only not in known:
        hint = suggest(only, known) or ", ".join(known)
        raise fail("usage", f"--only: there are no {echoed(only)} tests", "--only", hint, USAGE)
    if only in ("", "model", "engine", *TOPICS, SOAK):
        from stack.engine import setup
        from stack.output import consent

        setup.ensure(True, None, consent.tell)
    if only == SOAK:
        code = _pytest(["tests/engine", "-m", SOAK, *(["-k", k] if k else [])])
        return Result({"kinds": [SOAK], "exit_codes": [code]}, exit_code=OK if code == 0 else FAILED)
    kinds = [only] if only in KINDS else list(KINDS)
    quick = [path for kind in kinds if kind != "engine" for path in _paths(kind, only)]
    engine = _paths("engine", only) if "engine" in kinds else []
    words = ["-n", "2", *(["-k", k] if k else [])]
    codes = [_pytest([*quick, *words])] if quick else []
    # A file's tests share what runs, so a file stays with one worker.
    codes += [_pytest([*engine, "--dist", "loadfile", *words])] if engine else []
    # 5 is pytest's "no test ran", which is right for the part that -k leaves empty.
    good = all(code in (0, 5) for code in codes) and any(code == 0 for code in codes)
    return Result({"kinds": kinds, "exit_codes": codes}, exit_code=OK if good else FAILED)


def _paths(kind: str, only: str) -> list[str]:
    """What pytest is given of one kind: its folder, or its files of a topic."""
    folder = tree.root() / "tests" / kind
    words = TOPICS.get(only)
    if not words:
        return [str(folder)]
    return sorted(str(path) for path in folder.glob("test_*.py") if any(word in path.stem for word in words))


def _pytest(words: list[str]) -> int:
    return _run([sys.executable, "-m", "pytest", "-q", *words])


def lint() -> Result:
    """Style, format and types of the whole tree."""
    codes = {" ".join(words): _run([sys.executable, "-m", *words]) for words in LINTS}
    failed = [name for name, code in codes.items() if code]
    lines = [f"failed: {', '.join(failed)}"] if failed else ["style, format and types are fine"]
    return Result({"exit_codes": codes}, exit_code=FAILED if failed else OK, lines=lines)


def _run(words: list[str]) -> int:
    """Run a tool of the project's own environment; its output goes to standard error."""
    return subprocess.run(words, cwd=tree.root(), stdout=sys.stderr, check=False).returncode
