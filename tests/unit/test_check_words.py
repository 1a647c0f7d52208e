"""`inv test`: which tests its words ask for, and what is refused."""

import sys

import pytest

from stack import tree
from stack.commands import check
from stack.errors import USAGE, StackError


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The programs that would be run."""
    seen: list[list[str]] = []

    def run(words: list[str]) -> int:
        seen.append(words[1:])
        return 0

    monkeypatch.setattr(check, "_run", run)
    monkeypatch.setattr("stack.engine.setup.ensure", lambda *_: None)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return seen


def test_fast_leaves_the_containers_out(runs: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert check.test("", "", fast=True, engine="").data["kinds"] == ["unit", "property", "model"]
    assert "tests/engine" not in str(runs)
    assert "minutes" in capsys.readouterr().err


def test_another_engine_runs_the_same_tests_beside_it(runs: list[list[str]]) -> None:
    assert check.test("engine", "redis", fast=False, engine="sid").exit_code == 0
    [words] = runs
    assert words[:3] == ["-m", "tests.engines", "sid"]
    assert words[words.index("pytest") + 1 :][:1] == ["-q"]
    assert words[-2:] == ["-k", "redis"]


@pytest.mark.parametrize(
    ("only", "fast", "engine", "hint"),
    [
        ("unti", False, "", 'did you mean "unit"?'),
        ("unit", True, "", "./inv test --fast"),
        ("", False, "sid", "./inv test --only engine --engine sid"),
        ("engine", False, "side", 'did you mean "sid"?'),
    ],
)
def test_words_that_name_nothing_are_refused(
    runs: list[list[str]], only: str, fast: bool, engine: str, hint: str
) -> None:
    with pytest.raises(StackError) as refused:
        check.test(only, "", fast, engine)
    assert refused.value.exit_code == USAGE
    assert refused.value.problems[0].fix == hint
    assert runs == []


def test_another_engine_needs_root(runs: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(StackError, match="only root"):
        check.test("engine", "", False, "sid")
    assert runs == []


def test_what_python_compiles_of_the_tests_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert check._run([sys.executable, "-c", "import sys; sys.exit(sys.dont_write_bytecode)"]) == 0


def test_the_files_that_take_longest_are_there_and_come_first(runs: list[list[str]]) -> None:
    from tests.engine.conftest import LONGEST

    assert [name for name in LONGEST if not (tree.root() / f"tests/engine/test_{name}.py").exists()] == []
    check.test("engine", "", fast=False, engine="")
    assert "--no-loadscope-reorder" in runs[0]
