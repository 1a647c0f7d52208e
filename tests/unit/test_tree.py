"""Files of the checkout: read, digested, written whole or not at all, under a lock."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack import tree
from stack.errors import StackError
from tests import support


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def refused(path: Path, data: bytes = b"new") -> StackError:
    """Why a file can't be written."""
    with pytest.raises(StackError) as caught:
        tree.write(path, data)
    return caught.value


def test_a_file_is_written_with_its_folders_and_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / ".env"
    assert tree.write(path, b"A=1\n", 0o600)
    assert path.read_bytes() == b"A=1\n"
    assert mode(path) == 0o600


def test_the_same_bytes_are_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    tree.write(path, b"one")
    before = path.stat().st_ino
    assert not tree.write(path, b"one")
    assert path.stat().st_ino == before


def test_other_bytes_or_another_mode_are(tmp_path: Path) -> None:
    path = tmp_path / "file"
    tree.write(path, b"one")
    assert tree.write(path, b"two")
    assert tree.write(path, b"two", 0o600)
    assert (path.read_bytes(), mode(path)) == (b"two", 0o600)


def test_a_secret_is_never_readable_by_others_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    old = os.umask(0)
    try:
        tree.write(path, b"A=1", 0o600)
    finally:
        os.umask(old)
    assert mode(path) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


@pytest.fixture
def small_files() -> Iterator[None]:
    """Files of this process can hold 1,000 bytes: what follows fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def strict() -> Iterator[None]:
    """A umask under which new files are their owner's alone."""
    old = os.umask(0o077)
    yield
    os.umask(old)


def test_a_copy_is_readable_to_all_and_has_what_its_original_has(tmp_path: Path, strict: None) -> None:
    source, target = tmp_path / "source", tmp_path / ".stack" / "copy"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "deep" / "er" / "one").write_bytes(b"1")
    (source / "two").write_bytes(b"2")
    tree.copy(source, target)
    found = {str(path.relative_to(target)): mode(path) for path in target.rglob("*")}
    assert found == {"deep": 0o755, "deep/er": 0o755, "deep/er/one": 0o644, "two": 0o644}
    assert mode(target) == 0o755
    (source / "two").unlink()
    tree.copy(source, target)
    assert not (target / "two").exists()
    tree.copy(source / "deep" / "er" / "one", tmp_path / "file" / "one")
    assert (tmp_path / "file" / "one").read_bytes() == b"1"
    assert (mode(tmp_path / "file"), mode(tmp_path / "file" / "one")) == (0o755, 0o644)


def test_a_full_disk_leaves_the_old_content_and_no_litter(tmp_path: Path, small_files: None) -> None:
    path = tmp_path / ".env"
    tree.write(path, b"A=old\n", 0o600)
    [problem] = refused(path, b"x" * 1_000_000).problems
    assert problem.code == "unwritable"
    assert "its old content stays" in problem.message
    assert str(path) in problem.message
    assert path.read_bytes() == b"A=old\n"
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_a_path_below_a_file_is_refused_with_what_to_look_at(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    [problem] = refused(tmp_path / "file" / "deeper").problems
    assert problem.code == "unwritable"
    assert problem.fix.startswith("ls -ld ")


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert refused(tmp_path / ".env").problems[0].code == "unwritable"
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    real, link = tmp_path / "safe" / "env", tmp_path / ".env"
    tree.write(real, b"A=1\n", 0o600)
    link.symlink_to("safe/env")
    assert tree.write(link, b"A=2\n", 0o600)
    assert link.is_symlink()
    assert (real.read_bytes(), mode(real), tree.read(link)) == (b"A=2\n", 0o600, b"A=2\n")


ODD: dict[str, Callable[[Path], object]] = {
    "it is a FIFO": os.mkfifo,
    "it is a folder": Path.mkdir,
    "it is a device or a socket": lambda path: path.symlink_to("/dev/zero"),
    "Too many levels of symbolic links": lambda path: path.symlink_to(path.name),
    "it is a link to gone": lambda path: path.symlink_to("gone"),
}


@pytest.mark.parametrize("path", [".env", "compose/odd.yml", "overrides/odd/x.yml"])
@pytest.mark.parametrize("words", ODD)
def test_what_is_no_file_is_told_and_never_waited_for(tmp_path: Path, path: str, words: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    ODD[words](tmp_path / path)
    with pytest.raises(StackError) as caught:
        tree.read(tmp_path / path) if path == ".env" else tree.find(tmp_path, [""])
    [problem] = caught.value.problems
    assert problem.code == "unreadable"
    assert problem.message.startswith(f"{tmp_path / path} can't be read: {words}")


KILLED = """
import os, signal, sys
from pathlib import Path
from stack import tree
os.replace = Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
tree.write(tree.root() / sys.argv[1], b"A=secret", 0o600)
"""


@pytest.mark.parametrize("path", [".env", ".stack/unfinished.json", "compose/app/x.yml"])
def test_what_a_killed_command_was_writing_is_seen_by_nobody_and_swept(tmp_path: Path, path: str) -> None:
    checkout = support.make(tmp_path / "checkout", ("stack",), {path: "old"})
    environment = {**support.environment(), "PYTHONPATH": str(checkout.root)}
    words = [sys.executable, "-c", KILLED, path]
    assert subprocess.run(words, cwd=checkout.root, env=environment, check=False).returncode == -signal.SIGKILL
    assert (checkout.root / path).read_text() == "old"
    aside = checkout.root / ".stack" / "tmp"
    [left] = [found for found in checkout.root.rglob("*") if found.is_file() and found.read_bytes() == b"A=secret"]
    assert (left.parent, mode(left), mode(aside)) == (aside, 0o600, 0o700)
    again = words[2].replace("os.replace = Path.replace = ", "_ = ")
    subprocess.run([*words[:2], again, "other"], cwd=checkout.root, env=environment, check=True)
    assert list(aside.iterdir()) == []


def test_what_a_living_command_is_writing_is_left(tmp_path: Path) -> None:
    loose, dead = tmp_path / f"{tree.loose(os.getppid())}x", subprocess.Popen(["true"])
    dead.wait()
    loose.touch()
    tree.write(tmp_path / f"{tree.loose(dead.pid)}x" / "project" / ".env", b"A=secret")
    tree.write(tmp_path / "file", b"new")
    assert {path.name for path in tmp_path.iterdir()} == {loose.name, "file"}


def test_what_can_be_made_again_need_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    tree.remember(tmp_path / "file" / "cache.json", b"{}")
    tree.remember(tmp_path / "cache.json", b"{}")
    assert (tmp_path / "cache.json").read_bytes() == b"{}"


def test_the_cache_forgets_the_oldest_of_a_kind_alone(tmp_path: Path) -> None:
    (tmp_path / "other-1.json").write_text("")
    os.utime(tmp_path / "other-1.json", (0, 0))
    for number in range(tree.KEPT + 2):
        tree.remember(tmp_path / f"model-{number}.json", b"{}")
        os.utime(tmp_path / f"model-{number}.json", (number, number))
    tree.remember(tmp_path / "model-new.json", b"{}")
    left = {path.name for path in tmp_path.iterdir()}
    assert {"other-1.json", "model-new.json", f"model-{tree.KEPT + 1}.json"} <= left
    assert {"model-0.json", "model-1.json"}.isdisjoint(left)
    assert len(left) == tree.KEPT + 1


def test_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert tree.read(tmp_path / ".env") == b""


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(StackError) as caught:
        tree.read(tmp_path / ".env")
    assert caught.value.problems[0].code == "unreadable"


def test_the_digest_knows_where_one_part_ends() -> None:
    assert tree.digest(b"ab", b"c") != tree.digest(b"a", b"bc")
    assert tree.digest(b"a") == tree.digest(b"a")


def test_a_folders_digest_is_of_names_contents_and_what_may_run(tmp_path: Path) -> None:
    script = tmp_path / "conf" / "start.sh"
    tree.write(script, b"echo")
    digests = [tree.digest_path(tmp_path / "conf")]
    script.chmod(0o755)
    digests.append(tree.digest_path(tmp_path / "conf"))
    script.write_bytes(b"echo 2")
    digests.append(tree.digest_path(tmp_path / "conf"))
    script.rename(script.with_name("run.sh"))
    digests.append(tree.digest_path(tmp_path / "conf"))
    assert len(set(digests)) == 4


def test_pythons_leftovers_do_not_count(tmp_path: Path) -> None:
    tree.write(tmp_path / "app" / "main.py", b"1")
    before = tree.digest_path(tmp_path / "app")
    tree.write(tmp_path / "app" / "__pycache__" / "main.cpython-311.pyc", b"2")
    assert tree.digest_path(tmp_path / "app") == before


def test_fragments_and_overrides_are_found_below_each_root(tmp_path: Path) -> None:
    for path in (
        "compose/a.yml",
        "compose/a/x.yml",
        "overrides/a/b.yml",
        "local/compose/c.yml",
        "compose/d.yaml",
    ):
        tree.write(tmp_path / path, path.encode())
    assert set(tree.find(tmp_path, ["", "local", "nowhere"])) == {
        "compose/a.yml", "overrides/a/b.yml", "local/compose/c.yml",
    }  # fmt: skip


HOLD = """
import sys
from pathlib import Path
from stack import tree
with tree.locked(Path(sys.argv[-1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock of `tmp_path` until its standard input ends."""
    command = [sys.executable, "-c", HOLD, "up", "secret", str(tmp_path)]
    with subprocess.Popen(
        command, cwd=support.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_command_says_who_holds_the_lock(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    with pytest.raises(StackError) as caught, tree.locked(tmp_path, patience=0):
        pass
    [problem] = caught.value.problems
    assert problem.code == "locked"
    assert problem.message == f"./inv up (process {holder.pid}) is changing this checkout"
    assert str(holder.pid) in problem.fix


def test_a_lock_goes_with_the_process_that_held_it(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    holder.kill()
    holder.wait()
    with tree.locked(tmp_path):
        assert (tmp_path / ".stack" / "lock.pid").read_text().split()[0] == str(os.getpid())


def test_a_command_waits_for_the_lock_and_says_for_whom(
    tmp_path: Path, holder: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says is what lets the other one end."""

    def said(words: str, **_: object) -> None:
        assert words == f"waiting for ./inv up (process {holder.pid}), 60 s at most"
        assert holder.stdin is not None
        holder.stdin.close()

    monkeypatch.setattr(tree, "SILENT", 0.0)
    monkeypatch.setattr(tree, "print", said, raising=False)
    with tree.locked(tmp_path):
        assert holder.wait() == 0


def test_an_error_under_the_lock_frees_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), tree.locked(tmp_path):
        raise ZeroDivisionError
    with tree.locked(tmp_path):
        pass


def test_a_checkout_that_cannot_be_written_has_no_lock(tmp_path: Path) -> None:
    (tmp_path / ".stack").write_text("in the way")
    with pytest.raises(StackError) as caught, tree.locked(tmp_path):
        pass
    assert caught.value.problems[0].code == "unwritable"
