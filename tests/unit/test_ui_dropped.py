"""A Compose file that is dropped on the page of `inv ui`: which one it is, and where it is kept."""

from pathlib import Path

import msgspec
import pytest

from stack.errors import StackError
from stack.ui import dropped

TWO = b"services: {web: {image: a}, db: {image: b}}"


def sent(files: dict[str, bytes]) -> bytes:
    return msgspec.json.encode({"files": files})


def test_a_folder_is_kept_for_its_owner_until_the_next_one(tmp_path: Path) -> None:
    files = {"app/compose.yml": TWO, "app/.env": b"A=1", "app/sub/more.yml": b"a: b"}
    assert dropped.keep(tmp_path, sent(files)) == dropped.Found(".stack/private/dropped/app/compose.yml", ["db", "web"])
    kept = tmp_path / ".stack/private/dropped/app"
    assert (kept / ".env").read_bytes() == b"A=1"
    assert (kept.stat().st_mode & 0o777, (kept / ".env").stat().st_mode & 0o777) == (0o700, 0o600)
    dropped.keep(tmp_path, sent({"other.yml": TWO}))
    assert not kept.exists()
    dropped.forget(tmp_path)
    assert not kept.parent.exists()


@pytest.mark.parametrize(
    ("paths", "chosen"),
    [
        (["a/docker-compose.yml", "a/b/compose.yaml"], "a/docker-compose.yml"),
        (["compose.yaml", "docker-compose.yml"], "compose.yaml"),
        (["mine.yaml", ".env"], "mine.yaml"),
    ],
)
def test_the_compose_file_among_them(paths: list[str], chosen: str) -> None:
    assert dropped.compose_file(dict.fromkeys(paths, b"")) == chosen


@pytest.mark.parametrize("path", ["../compose.yml", "/etc/compose.yml", "a//compose.yml", "a/../compose.yml", ""])
def test_nothing_is_written_elsewhere(tmp_path: Path, path: str) -> None:
    with pytest.raises(StackError):
        dropped.keep(tmp_path, sent({path: TWO}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "files",
    [{}, {"a.txt": b""}, {"a.yml": TWO, "b.yml": TWO}, {"compose.yml": b"\xff"}, {"compose.yml": b"[]"},
     {"compose.yml": b"services: 1"}, {"compose.yml": b"a: [b"}, dict.fromkeys(map(str, range(501)), b"")],
)  # fmt: skip
def test_what_is_no_compose_file_changes_nothing(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(StackError):
        dropped.keep(tmp_path, sent(files))
    assert not list(tmp_path.iterdir())
