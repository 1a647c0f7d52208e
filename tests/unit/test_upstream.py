"""An update, file by file: what was changed here on top of what is new, or nothing at all."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stack import git, tree
from stack.authoring import doors, unfinished, upstream
from stack.authoring.definition import Door
from stack.errors import Problem, StackError
from stack.gateway import kongfile
from stack.gateway.kongfile import FILE

KONG = """_format_version: "3.0"

services:
  # Shipped.
  - name: "one"
    url: "http://one:80"
    connect_timeout: 2000
    routes:
      - name: "one"
        paths: ["/one/"]
        strip_path: true
  - name: "two"
    url: "http://two:80"
    connect_timeout: 2000
    routes:
      - name: "two"
        hosts: ["two.localhost"]
        preserve_host: true
        strip_path: false
"""
TAIL = '\nplugins:\n  - name: "correlation-id"\n'
LATER = """  # New.
  - name: "three"
    url: "http://three:80"
    connect_timeout: 2000
    routes:
      - name: "three"
        hosts: ["three.localhost"]
        preserve_host: true
        strip_path: false
"""
Files = Mapping[str, str]


def sh(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class Clone:
    """A checkout at the first of two commits."""

    def __init__(self, root: Path, first: Files, second: Files) -> None:
        self.root = root
        sh(root, "init", "-q", ".")
        self.before, self.target = self.commit(first), self.commit(second)
        sh(root, "reset", "-q", "--hard", self.before)
        (root / tree.GENERATED).mkdir()

    def commit(self, files: Files) -> str:
        for path in sh(self.root, "ls-files").split():
            (self.root / path).unlink()
        self.write(files)
        sh(self.root, "add", "-A")
        sh(self.root, "commit", "-qm", "a commit")
        return sh(self.root, "rev-parse", "HEAD")

    def write(self, files: Files) -> None:
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_bytes(text.encode())

    def files(self) -> dict[str, str]:
        return {str(p.relative_to(self.root)): p.read_text() for p in sorted(self.root.rglob("*"))
                if p.is_file() and p.relative_to(self.root).parts[0] not in (".git", tree.GENERATED)}  # fmt: skip

    def made(self, **generated: bytes) -> upstream.Update:
        return upstream.made(self.root, self.before, self.target, lambda: generated)

    def refused(self) -> list[Problem]:
        before = self.files()
        with pytest.raises(StackError) as told:
            self.made()
        assert self.files() == before
        assert sh(self.root, "rev-parse", "HEAD") == self.before
        return told.value.problems


@pytest.fixture(autouse=True)
def without_pages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No catalogue here, so no pages to make."""
    monkeypatch.setattr(upstream, "_pages", lambda _: [])
    monkeypatch.setattr(tree, "root", lambda: tmp_path)


def door(name: str) -> Door:
    return Door(f"/{name}", "", 80, "basic", False)


@pytest.mark.parametrize("tail", ["", TAIL])
def test_what_both_added_at_the_end_is_there_and_goes_byte_for_byte(tmp_path: Path, tail: str) -> None:
    new = KONG.replace("# Shipped.", "# Ours.") + LATER + tail
    clone = Clone(tmp_path, {FILE: KONG + tail}, {FILE: new})
    edited = doors.added((KONG + tail).replace('"/one/"', '"/one/", "/1/"'), "mine", door("mine"))
    clone.write({FILE: edited})
    assert upstream.apply(tmp_path, clone.made()) == []
    after = clone.files()[FILE]
    names = [service["name"] for service in kongfile.read(after)["services"]]
    assert names == ["one", "two", "three", "mine"]
    assert doors.removed(after, ["mine"]) == new.replace('"/one/"', '"/one/", "/1/"')
    assert sh(tmp_path, "status", "--porcelain", FILE) == f"M {FILE}"


def test_what_was_written_by_hand_at_the_end_keeps_its_comments(tmp_path: Path) -> None:
    clone = Clone(tmp_path, {FILE: KONG}, {FILE: KONG + LATER})
    own = "\n  # By hand.\n  - name: mine   # short\n    url: http://mine:80"
    clone.write({FILE: KONG + own})
    upstream.apply(tmp_path, clone.made())
    assert clone.files()[FILE] == KONG + LATER + own + "\n"


def test_every_other_file_comes_through(tmp_path: Path) -> None:
    lines = [f"{n}\n" for n in range(20)]
    first = {"a.md": "".join(lines), "kept": "x", "old": "x", "made.md": "1", "bin": "x"}
    second = {"a.md": "".join(["new\n", *lines]), "kept": "x", "made.md": "2", "deep/new": "x", "same": "x"}
    clone = Clone(tmp_path, first, second)
    clone.write(
        {"a.md": "".join([*lines, "mine\n"]), "kept": "mine", "made.md": "generated", "own": "mine", "same": "x"}
    )
    (tmp_path / "bin").unlink()
    upstream.apply(tmp_path, upstream.made(tmp_path, clone.before, clone.target, lambda: {"made.md": b"generated"}))
    assert clone.files() == {
        "a.md": "".join(["new\n", *lines, "mine\n"]), "kept": "mine", "made.md": "2", "deep/new": "x", "own": "mine",
        "same": "x",
    }  # fmt: skip
    assert sh(tmp_path, "rev-parse", "HEAD") == clone.target


def test_a_route_that_both_changed_leaves_all_as_it_was_and_the_fix_leads_on(tmp_path: Path) -> None:
    clone = Clone(tmp_path, {FILE: KONG}, {FILE: KONG.replace('"/one/"', '"/uno/"') + LATER})
    clone.write({FILE: doors.added(KONG.replace('"/one/"', '"/eins/"'), "mine", door("mine"))})
    (told,) = clone.refused()
    assert told.code == "update-conflict"
    assert told.where == f"{FILE}:10"
    assert f"local/{FILE}" in told.fix
    clone.write({FILE: clone.files()[FILE].replace("/eins/", "/one/")})
    upstream.apply(tmp_path, clone.made())
    assert all(word in clone.files()[FILE] for word in ("/uno/", "/mine/", "three"))


def test_the_same_name_from_both_is_a_conflict(tmp_path: Path) -> None:
    clone = Clone(tmp_path, {FILE: KONG}, {FILE: KONG + LATER.replace("three", "mine")})
    clone.write({FILE: doors.added(KONG, "mine", door("mine"))})
    assert [told.where for told in clone.refused()] == [f"{FILE}: services mine"]


CASES: list[Any] = [
    pytest.param({"a": "1\n"}, {"a": "2\n"}, {"a": "3\n"}, "a:1", id="one line"),
    pytest.param({"a": "1\n"}, {"b": "2\n"}, {"a": "3\n"}, "a", id="removed there, changed here"),
    pytest.param({"a": "1\n"}, {"a": "2\n"}, {"a": None}, "a", id="changed there, removed here"),
    pytest.param({"a": "1\n"}, {"a": "1\n", "b": "2"}, {"b": "3"}, "b", id="new there and here"),
    pytest.param({"a": "1\n"}, {"a": "1\n", "b/c": "2"}, {"b": "3"}, "b", id="a folder there, a file here"),
    pytest.param({"a": "1\n"}, {"a": "1\n", "b": "2"}, {"b/c": "3"}, "b", id="a file there, a folder here"),
    pytest.param({"a": "\0x"}, {"a": "\0y"}, {"a": "\0z"}, "a:1", id="no text"),
]


@pytest.mark.parametrize(("first", "second", "here", "where"), CASES)
def test_what_does_not_fit_is_told_and_typing_its_fix_leads_on(
    tmp_path: Path, first: Files, second: Files, here: dict[str, str | None], where: str
) -> None:
    clone = Clone(tmp_path, first, second)
    clone.write({path: text for path, text in here.items() if text is not None})
    for path in (path for path, text in here.items() if text is None):
        (tmp_path / path).unlink()
    (told,) = clone.refused()
    assert told.where == where
    typed = told.fix.removesuffix("./inv update").rstrip("& ")
    if "checkout -p" in typed:
        typed = "git checkout -- a"
    subprocess.run(typed, shell=True, cwd=tmp_path, check=True)
    upstream.apply(tmp_path, clone.made())
    assert {**clone.files(), **second} == clone.files()


def killed_at(clone: Clone, step: int) -> bool:
    """Update in another process, which is killed before its n-th step. Tells whether."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    steps = iter(range(step))

    def counted(real: Any) -> Any:
        def call(*words: Any, **options: Any) -> Any:
            if next(steps, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*words, **options)

        return call

    update = clone.made()
    git.ask, unfinished.put = counted(git.ask), counted(unfinished.put)
    upstream.apply(clone.root, update)
    os._exit(0)


def test_an_update_that_is_killed_anywhere_is_ended_by_what_comes_next(tmp_path: Path) -> None:
    second = {FILE: KONG + LATER, "new": "x"}
    clone = Clone(tmp_path, {FILE: KONG, "gone": "x"}, second)
    mine = doors.added(KONG, "mine", door("mine"))
    step = 0
    while True:
        sh(tmp_path, "reset", "-q", "--hard", clone.before)
        clone.write({FILE: mine})
        killed = killed_at(clone, step)
        with pytest.raises(StackError) if killed else contextlib.nullcontext():
            upstream.resume(tmp_path)
        assert clone.files() == {FILE: doors.added(KONG + LATER, "mine", door("mine")), "new": "x"}
        assert sh(tmp_path, "rev-parse", "HEAD") == clone.target
        assert not (tmp_path / unfinished.UPDATE).exists()
        step += 1
        if not killed:
            break
    assert step > 5


def test_what_was_edited_after_a_kill_stays_and_is_told(tmp_path: Path) -> None:
    clone = Clone(tmp_path, {FILE: KONG}, {FILE: KONG + LATER})
    clone.write({FILE: doors.added(KONG, "mine", door("mine"))})
    assert killed_at(clone, 2)
    clone.write({FILE: KONG + "# mine\n"})
    with pytest.raises(StackError) as told:
        upstream.resume(tmp_path)
    assert [problem.code for problem in told.value.problems] == ["update-resumed", "update-changed"]
    assert clone.files()[FILE] == KONG + "# mine\n"


def test_where_git_is_at_work_nothing_is_begun(tmp_path: Path) -> None:
    clone = Clone(tmp_path, {"a": "1"}, {"a": "2"})
    update = clone.made()
    (tmp_path / ".git/index.lock").touch()
    with pytest.raises(StackError, match=r"index\.lock"):
        upstream.apply(tmp_path, update)
    assert clone.files() == {"a": "1"}
    assert not (tmp_path / unfinished.UPDATE).exists()


def test_an_update_that_somebody_left_behind_by_hand_is_forgotten(tmp_path: Path) -> None:
    clone = Clone(tmp_path, {"a": "1"}, {"a": "2"})
    assert killed_at(clone, 1)
    sh(tmp_path, "commit", "-qm", "by hand", "--allow-empty")
    upstream.resume(tmp_path)
    assert clone.files() == {"a": "1"}
    assert not (tmp_path / unfinished.UPDATE).exists()
