"""`inv test` and `inv lint`: the project's own checks."""

import os
import subprocess
import sys

from stack import tree
from stack.errors import FAILED, OK, USAGE, fail
from stack.names import echoed, suggest
from stack.output.result import Result

QUICK = ("unit", "property", "model")
KINDS = (*QUICK, "engine")
TOPICS = {"gateway": ("gateway", "rout")}
"""Tests of every kind that run by a name of their own: what the names of their files have in them."""
AS_NEIGHBOURS = ["-n", "2", "--dist", "worksteal"]
"""pytest's words for quick tests: a worker has those that stand together, which mostly ask for the same plans."""
BY_FILE = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
"""pytest's words for engine tests, which wait more than they work: three at a time on two processors. Those of a file
share what runs, so a file stays with one worker; the files come in the order of tests/engine/conftest.py."""
MARKED = {"core": BY_FILE, "soak": [], "offline": [], "majors": [], "cluster": []}
"""Engine tests of a mark, run by its name alone, with pytest's words: `core` are those in which engines may differ, a
few of each subject; `soak` takes half an hour, `offline` minutes and a network to make a bundle by, `majors` two
Debians' packages, `cluster` minutes for nodes to be missed."""
NEED_ENGINE = ("model", "engine", *MARKED)
ENGINES = ("trixie", "sid", "podman", "rootless")
"""Engines that the tests can run on (tests/engines.py): Docker's of a Debian release, and Podman."""
LENGTH = "about 15 minutes, most of them for real containers (--fast leaves those out)"
LINTS = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))


def test(only: str, k: str, fast: bool, engine: str) -> Result:
    """Run the tests of one kind or topic, the quick kinds, or all; on this machine's engine, or on another. An engine
    that is needed is set up first."""
    _check_words(only, fast, engine)
    kinds = [only] if only in (*KINDS, *MARKED) else list(QUICK if fast else KINDS)
    if not set(kinds).isdisjoint(NEED_ENGINE):
        from stack.engine import setup
        from stack.output import consent

        setup.ensure(True, None, consent.tell)
    if not (only or k):
        print(f"{'about 1¼ minutes' if fast else LENGTH} on 2 cores", file=sys.stderr, flush=True)
    codes = [_pytest([*words, *(["-k", k] if k else [])], engine) for words in _runs(kinds, only)]
    # 5 is pytest's "no test ran", which is right for the part that -k leaves empty.
    good = all(code in (0, 5) for code in codes) and any(code == 0 for code in codes)
    return Result({"kinds": kinds, "exit_codes": codes}, exit_code=OK if good else FAILED)


def _runs(kinds: list[str], only: str) -> list[list[str]]:
    """pytest's words for each of its runs: the quick kinds share one."""
    if only in MARKED:
        return [["tests/engine", "-m", only, *MARKED[only]]]
    quick = [path for kind in kinds if kind in QUICK for path in _paths(kind, only)]
    slow = [[*_paths("engine", only), *BY_FILE]] if "engine" in kinds else []
    return [*([[*quick, *AS_NEIGHBOURS]] if quick else []), *slow]


def _paths(kind: str, only: str) -> list[str]:
    """What pytest is given of one kind: its folder, or its files of a topic."""
    folder = tree.root() / "tests" / kind
    words = TOPICS.get(only)
    if not words:
        return [str(folder)]
    return sorted(str(path) for path in folder.glob("test_*.py") if any(word in path.stem for word in words))


def _check_words(only: str, fast: bool, engine: str) -> None:
    """Refuse words that name nothing, or do not go together. Raises StackError."""
    known = (*KINDS, *TOPICS, *MARKED)
    if only and only not in known:
        hint = suggest(only, known) or ", ".join(known)
        raise fail("usage", f"--only: there are no {echoed(only)} tests", "--only", hint, USAGE)
    if fast and only:
        raise fail("usage", "--fast and --only each say which tests", "--fast", "./inv test --fast", USAGE)
    if engine and only not in ("engine", *MARKED):
        fix = f"./inv test --only engine --engine {engine}"
        raise fail("usage", "--engine is for the tests with real containers", "--engine", fix, USAGE)
    if engine and engine not in ENGINES:
        hint = suggest(engine, ENGINES) or " or ".join(ENGINES)
        raise fail("usage", f"--engine: no engine {echoed(engine)} is known here", "--engine", hint, USAGE)
    if engine and (sys.platform != "linux" or os.geteuid() != 0):
        message = "--engine makes a network and mounts of its own, which only root may do, on Linux"
        raise fail("needs-root", message, "--engine", f"sudo ./inv test --only engine --engine {engine}")


def _pytest(words: list[str], engine: str = "") -> int:
    beside = [sys.executable, "-m", "tests.engines", engine] if engine else []
    return _run([*beside, sys.executable, "-m", "pytest", "-q", *words])


def lint() -> Result:
    """Style, format and types of the whole tree."""
    codes = {" ".join(words): _run([sys.executable, "-m", *words]) for words in LINTS}
    failed = [name for name, code in codes.items() if code]
    lines = [f"failed: {', '.join(failed)}"] if failed else ["style, format and types are fine"]
    return Result({"exit_codes": codes}, exit_code=FAILED if failed else OK, lines=lines)


def _run(words: list[str]) -> int:
    """Run a tool of the project's own environment; its output goes to standard error. What Python compiles is kept,
    though the environment forbids it: to compile the tests took each worker as long as 500 of them."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(words, cwd=tree.root(), env=env, stdout=sys.stderr, check=False).returncode
