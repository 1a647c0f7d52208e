"""What an archive may bring."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from stack.authoring import unpacking


def archive(*members: tuple[str, bytes, str]) -> tarfile.TarFile:
    """An archive of members: name, type, and the target of a link."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, target, 0o6750
            info.size = 4 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(b"text"))
    file.seek(0)
    return tarfile.open(fileobj=file)


@pytest.fixture(params=["with Python's filter", "without"])
def _python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        if sys.version_info >= (3, 12):
            pytest.skip("without its filter, this Python warns")
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    elif not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python has none")


@pytest.mark.usefixtures("_python")
def test_files_and_folders_are_unpacked_for_their_owner_to_write(tmp_path: Path) -> None:
    unpacking.unpack(archive(("a", tarfile.DIRTYPE, ""), ("a/run", tarfile.REGTYPE, "")), tmp_path)
    assert (tmp_path / "a/run").read_text() == "text"
    assert (tmp_path / "a/run").stat().st_mode & 0o7700 == 0o700


@pytest.mark.usefixtures("_python")
@pytest.mark.parametrize(
    "member",
    [
        ("../out", tarfile.REGTYPE, ""),
        ("/tmp/out", tarfile.REGTYPE, ""),
        ("link", tarfile.SYMTYPE, "within"),
        ("link", tarfile.SYMTYPE, "/etc/passwd"),
        ("link", tarfile.LNKTYPE, "../../etc/passwd"),
        ("device", tarfile.CHRTYPE, ""),
    ],
)
def test_nothing_comes_that_would_lie_elsewhere(member: tuple[str, bytes, str], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(unpacking.StrayError, match=member[0]):
        unpacking.unpack(archive(("within", tarfile.REGTYPE, ""), member), folder)
    assert list(tmp_path.rglob("*")) == [folder]


@pytest.mark.parametrize(("name", "mode"), [("../out", 0), ("/out", 0o100644), ("a/../../out", 0), ("link", 0o120777)])
def test_nor_from_a_zip_archive(name: str, mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as made:
        made.writestr("within", "text")
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        made.writestr(member, "within")
    with zipfile.ZipFile(tmp_path / "one.zip") as made, pytest.raises(unpacking.StrayError, match=name):
        unpacking.unpack_zip(made, folder)
    assert list(folder.iterdir()) == []
