"""Unpacking an archive so that nothing of it lies outside of the folder that it is unpacked in."""

import stat
import tarfile
import zipfile
from pathlib import Path, PurePosixPath


class StrayError(tarfile.TarError):
    """A member that is no file or folder below where the archive is unpacked, by its name."""


def unpack(tar: tarfile.TarFile, folder: Path) -> None:
    """Unpack an archive below a folder. Raises StrayError before anything is unpacked, for what is not to lie there:
    a path that leads elsewhere, a link, a device."""
    members = [_plain(member) for member in tar.getmembers()]
    # Python's own filter came with 3.11.4 (PEP 706), and Debian 12 has 3.11.2.
    more = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    tar.extractall(folder, members, **more)  # type: ignore[arg-type]  # noqa: S202 - each was looked at


def unpack_zip(archive: zipfile.ZipFile, folder: Path) -> None:
    """The same of a zip archive."""
    members = archive.infolist()
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if _leads_out(member.filename) or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise StrayError(member.filename)
    for member in members:
        path = Path(archive.extract(member, folder))
        if member.external_attr >> 16 & 0o100 and path.is_file():
            path.chmod(0o755)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member that is a file or folder below where it is unpacked, for its owner to write."""
    if _leads_out(member.name) or not (member.isfile() or member.isdir()):
        raise StrayError(member.name)
    member.mode = (member.mode & 0o755) | (0o700 if member.isdir() else 0o600)
    return member


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts
