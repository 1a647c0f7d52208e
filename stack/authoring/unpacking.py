"""Unpacking an archive so that nothing of it lies outside of the folder that it is unpacked in."""

import tarfile
from pathlib import Path, PurePosixPath


def unpack(tar: tarfile.TarFile, folder: Path) -> None:
    """Unpack an archive below a folder. Raises tarfile.TarError for what is not to lie there.

    Python's own filter for that came with 3.11.4 (PEP 706), and Debian 12 has 3.11.2: without it, an archive may have
    files and folders alone."""
    if hasattr(tarfile, "data_filter"):
        tar.extractall(folder, filter="data")
    else:
        tar.extractall(folder, [_plain(member) for member in tar.getmembers()])  # noqa: S202 - each was looked at


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member that is a file or folder below where it is unpacked, for its owner to write."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
        raise tarfile.ExtractError(f"{member.name} is no file or folder of its own")
    member.mode = (member.mode & 0o755) | (0o700 if member.isdir() else 0o600)
    return member
