"""The files of somebody's folder that come along with a service."""

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from stack import docker
from stack.authoring import compose_file, copying
from stack.errors import StackError


def put(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def test_a_folder_comes_without_history_secrets_and_what_its_build_leaves_out(tmp_path: Path) -> None:
    folder = tmp_path / "src"
    put(folder, "Dockerfile", "deep/er/app.py", ".git/config", ".env", ".env.example", "node_modules/x/y.js")
    put(tmp_path, "outside")
    (folder / ".dockerignore").write_text("node_modules\nDockerfile\n")
    (folder / "link.py").symlink_to("deep/er/app.py")
    (folder / "out").symlink_to("../outside")
    (folder / "up").symlink_to("..")
    (folder / "nowhere").symlink_to("gone")
    found, left = copying.files(folder, 1000, ("Dockerfile", ".dockerignore"))
    assert set(found) == {"Dockerfile", "deep/er/app.py", ".env.example", ".dockerignore", "link.py"}
    assert found["link.py"] == b"deep/er/app.py"
    assert set(left) == {
        ".env: may hold secrets", "out: leads out of the folder", "up: leads out of the folder", "nowhere: is no file"
    }  # fmt: skip


def test_data_stays_where_it_is(tmp_path: Path) -> None:
    put(tmp_path, "one", "two")
    assert copying.files(tmp_path, 5) == ({}, [f"it has more than 0 MB or {copying.MANY} files"])
    for number in range(copying.MANY):
        (tmp_path / str(number)).touch()
    assert copying.files(tmp_path, 1_000_000)[0] == {}


def test_the_compose_file_itself_is_not_copied_whatever_folder_it_is_seen_from() -> None:
    names = compose_file._self(Path("/home/ann/app/compose.yml"))
    assert {"compose.yml", "above/app/compose.yml", "above/above/ann/app/compose.yml"} <= names
    assert "app/compose.yml" not in names


def test_that_there_is_no_compose_to_read_a_file_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "unknown shorthand flag: 'f' in -f\nSee 'docker --help'.\n\nRun 'docker --help' for more information\n"
    monkeypatch.setattr(docker, "run", lambda args, **_: CompletedProcess(args, 125, "", said))
    with pytest.raises(StackError, match="docker has no Compose plugin"):
        compose_file._resolved(tmp_path / "compose.yml", "")
