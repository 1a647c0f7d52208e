"""What every command prints: the frozen envelope, exit codes, and a bug of ours."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stack import tree
from stack.errors import BUG, FAILED, INTERRUPTED, OK, USAGE, Problem, StackError, fail
from stack.output import render
from stack.output.result import Result

Captured = pytest.CaptureFixture[str]
FULL = Problem("code", "what happened", "file: place", "what to type")


def present(capsys: Captured, run: Callable[[], Result], *, as_json: bool = True) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    code = render.present("plan", run, as_json)
    told = capsys.readouterr()
    return code, told.out, told.err


def raising(error: BaseException) -> Callable[[], Result]:
    """A command that raises."""

    def run() -> Result:
        raise error

    return run


def test_the_envelope_is_frozen(capsys: Captured) -> None:
    _, out, _ = present(capsys, lambda: Result({"a": 1}, [FULL]))
    assert json.loads(out) == {
        "version": 1,
        "command": "plan",
        "status": "success",
        "data": {"a": 1},
        "problems": [{"code": "code", "message": "what happened", "where": "file: place", "fix": "what to type"}],
    }


def test_an_empty_result_has_every_key(capsys: Captured) -> None:
    _, out, _ = present(capsys, Result)
    assert json.loads(out) == {
        "version": 1,
        "command": "plan",
        "status": "success",
        "data": {},
        "problems": [],
    }
    assert list(json.loads(out)) == ["version", "command", "status", "data", "problems"]


def test_a_problem_has_every_key_even_where_it_is_empty(capsys: Captured) -> None:
    _, out, _ = present(capsys, raising(fail("code", "what happened")))
    assert json.loads(out)["problems"] == [{"code": "code", "message": "what happened", "where": "", "fix": ""}]


@pytest.mark.parametrize("code", [FAILED, USAGE])
def test_a_foreseen_error_has_its_exit_code_and_no_traceback(capsys: Captured, code: int) -> None:
    for as_json in (True, False):
        found, out, err = present(capsys, raising(StackError(FULL, code)), as_json=as_json)
        assert found == code
        assert "Traceback" not in out + err
        assert "what happened" in (out if as_json else err)


def test_a_failed_result_is_an_error_with_its_data(capsys: Captured) -> None:
    code, out, _ = present(capsys, lambda: Result({"a": 1}, [FULL], FAILED))
    assert code == FAILED
    assert json.loads(out)["status"] == "error"
    assert json.loads(out)["data"] == {"a": 1}


def test_json_is_one_document_and_nothing_else(capsys: Captured) -> None:
    _, out, err = present(capsys, lambda: Result({"a": "é\x00😀"}, [FULL], lines=["a line"]))
    assert json.loads(out)["data"] == {"a": "é\x00😀"}
    assert out.endswith("}\n")
    assert err == ""


def test_text_says_problems_beside_the_result(capsys: Captured) -> None:
    _, out, err = present(capsys, lambda: Result({}, [FULL], FAILED, ["a [line] of 100%"]), as_json=False)
    assert out == "a [line] of 100%\n"
    assert err == "error: what happened  [file: place]\n  → what to type\n"


def test_problems_of_a_success_are_notes(capsys: Captured) -> None:
    _, _, err = present(capsys, lambda: Result({}, [FULL]), as_json=False)
    assert err.startswith("note: what happened")


def test_a_long_line_is_not_broken(capsys: Captured) -> None:
    text = "word " * 100 + "end"
    _, out, err = present(capsys, lambda: Result({}, [Problem("c", text)], lines=[text]), as_json=False)
    assert text in out
    assert text in err


def test_ctrl_c_is_an_exit_code_of_its_own(capsys: Captured) -> None:
    code, out, _ = present(capsys, raising(KeyboardInterrupt()))
    assert code == INTERRUPTED
    assert json.loads(out)["problems"][0]["code"] == "interrupted"


def test_a_reader_that_has_gone_is_no_error_of_the_command() -> None:
    with pytest.raises(BrokenPipeError):
        render.present("plan", raising(BrokenPipeError()), as_json=True)


def test_a_bug_is_a_log_to_send_without_secrets(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("REDIS_PASSWORD=correct-horse\n")
    monkeypatch.setattr(tree, "root", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    code, out, err = present(capsys, raising(ValueError("it was correct-horse")))
    [problem] = json.loads(out)["problems"]
    log = tmp_path / problem["where"]
    assert code == BUG
    assert problem["code"] == "bug"
    assert "correct-horse" not in out + err + log.read_text()
    assert "ValueError: it was [hidden]" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_bug_is_told_also_where_no_log_can_be_written(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / tree.GENERATED).write_text("in the way")
    monkeypatch.setattr(tree, "root", lambda: tmp_path)
    code, out, _ = present(capsys, raising(ValueError("x")))
    assert code == BUG
    assert json.loads(out)["problems"][0]["fix"] == "please report it"


def test_success_is_zero() -> None:
    assert OK == 0


def test_a_path_that_the_machine_refuses_is_no_bug(capsys: Captured) -> None:
    def run() -> Result:
        Path("/" + "x" * 300).is_file()
        return Result()

    code, out, _ = present(capsys, run)
    [problem] = json.loads(out)["problems"]
    assert (code, problem["code"], problem["fix"]) == (FAILED, "path", "ls -ld /")
    assert problem["message"].endswith("xx…: File name too long")
