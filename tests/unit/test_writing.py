"""A set of changes is written whole or not at all."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stack import tree
from stack.authoring import addition, recovery, unfinished, writing
from stack.errors import USAGE, StackError, fail
from stack.output.result import Result


def files(root: Path) -> dict[str, bytes]:
    paths = [path for path in root.rglob("*") if path.is_file() and tree.GENERATED not in path.parts]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def test_what_is_there_changes_and_what_goes_takes_its_empty_folder_along(tmp_path: Path) -> None:
    (tmp_path / "kept.yml").write_bytes(b"old")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone/only.yml").write_bytes(b"x")
    changes: addition.Changes = {"kept.yml": b"new", "made/deep/new.yml": b"1", "gone/only.yml": None}
    done = writing.apply(tmp_path, changes, writing.standing(tmp_path, changes))
    assert done == list(changes)
    assert files(tmp_path) == {"kept.yml": b"new", "made/deep/new.yml": b"1"}
    assert not (tmp_path / "gone").exists()


def test_one_that_fails_undoes_those_before_it(tmp_path: Path) -> None:
    (tmp_path / "kept.yml").write_bytes(b"old")
    (tmp_path / "a-file").write_bytes(b"no folder")
    before = files(tmp_path)
    changes: addition.Changes = {"kept.yml": b"new", "made/new.yml": b"1", "a-file/below.yml": b"2"}
    with pytest.raises(StackError) as refused:
        writing.apply(tmp_path, changes, dict.fromkeys(changes) | {"kept.yml": b"old"})
    assert refused.value.problems[0].code == "unwritable"
    assert files(tmp_path) == before
    assert not (tmp_path / "made").exists()


def test_a_file_that_was_changed_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "kept.yml").write_bytes(b"old")
    changes: addition.Changes = {"new.yml": b"1", "kept.yml": b"new"}
    before = writing.standing(tmp_path, changes)
    (tmp_path / "kept.yml").write_bytes(b"the user's")
    with pytest.raises(StackError) as refused:
        writing.apply(tmp_path, changes, before)
    assert refused.value.problems[0].where == "kept.yml"
    assert files(tmp_path) == {"kept.yml": b"the user's"}


def test_the_difference_names_what_comes_and_what_goes(tmp_path: Path) -> None:
    (tmp_path / "gone.yml").write_bytes(b"was\n")
    changes: addition.Changes = {"gone.yml": None, "new.yml": b"is\n"}
    shown = writing.diff(writing.standing(tmp_path, changes), changes)
    assert [line for line in shown if line.startswith(("---", "+++"))] == [
        "--- gone.yml", "+++ /dev/null", "--- /dev/null", "+++ new.yml",
    ]  # fmt: skip


CHANGES: addition.Changes = {"kept.yml": b"new", "made/deep/new.yml": b"1", "gone/only.yml": None, "last.yml": b"2"}


def killed_at(root: Path, write: int) -> bool:
    """Make CHANGES in another process, which kills itself as a file is about to take its place. Tells whether."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    rest = iter(range(write))

    def killed(*words: Any, real: Callable[..., Path] = Path.replace) -> None:
        if next(rest, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*words)

    Path.replace = killed  # type: ignore[method-assign, assignment]
    writing.apply(root, CHANGES, writing.standing(root, CHANGES))
    os._exit(0)


def test_whatever_a_kill_left_is_undone_by_what_comes_next(tmp_path: Path) -> None:
    (tmp_path / tree.GENERATED).mkdir()
    (tmp_path / "kept.yml").write_bytes(b"old")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone/only.yml").write_bytes(b"x")
    before = files(tmp_path)
    write = 0
    while killed_at(tmp_path, write):
        unfinished.undo(tmp_path)
        assert files(tmp_path) == before
        assert not (tmp_path / "made").exists()
        write += 1
    assert write == 4
    assert files(tmp_path) == {"kept.yml": b"new", "made/deep/new.yml": b"1", "last.yml": b"2"}


def test_what_somebody_changed_after_the_kill_stays(tmp_path: Path) -> None:
    (tmp_path / "kept.yml").write_bytes(b"old")
    changes: addition.Changes = {"kept.yml": b"new", "made.yml": b"1"}
    unfinished.begin(tmp_path, changes, writing.standing(tmp_path, changes))
    (tmp_path / "kept.yml").write_bytes(b"the user's")
    (tmp_path / "made.yml").write_bytes(b"1")
    assert unfinished.undo(tmp_path) == ["made.yml"]
    assert files(tmp_path) == {"kept.yml": b"the user's"}


def test_what_was_undone_is_told_also_where_the_next_command_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> Result:
        raise fail("other", "the command's own failure", exit_code=USAGE)

    monkeypatch.setattr(tree, "root", lambda: tmp_path)
    changes: addition.Changes = {"made.yml": b"1"}
    unfinished.begin(tmp_path, changes, writing.standing(tmp_path, changes))
    (tmp_path / "made.yml").write_bytes(b"1")
    with pytest.raises(StackError) as told:
        recovery.first(refused)
    assert [problem.code for problem in told.value.problems] == ["unfinished", "other"]
    assert told.value.exit_code == USAGE
    assert files(tmp_path) == {}


@pytest.mark.parametrize(("data", "mode"), [(b"#!/bin/sh", 0o755), (b"\x7fELF\x02", 0o755), (b"text", 0o644)])
def test_a_program_that_comes_along_can_be_run(tmp_path: Path, data: bytes, mode: int) -> None:
    unfinished.put(tmp_path, "tool", data)
    assert (tmp_path / "tool").stat().st_mode & 0o777 == mode
