"""The bundle as a file: a tar of parts with its manifest at the end, written part by part and taken up again where it
was interrupted; read by place, so that nothing is unpacked that is not asked for."""

import contextlib
import fcntl
import hashlib
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from stack.bundle import manifest as manifests
from stack.bundle.manifest import Manifest, Part
from stack.errors import fail

CHUNK = 1 << 20
END = bytes(2 * tarfile.BLOCKSIZE)
"""Two empty blocks end a tar."""
SMALL = 1 << 22
"""Bytes that a manifest has at most: a thousand parts take 200 kB."""


class Kept(msgspec.Struct):
    """What is noted beside an unfinished file: what it is made for, the parts that are whole, and the kinds of which
    there are all."""

    key: str
    parts: list[Part] = []
    ended: list[str] = []


class Draft:
    """A bundle under way: FILE.part, and FILE.part.json, which notes the parts that are whole."""

    def __init__(self, file: IO[bytes], notes: Path, kept: Kept) -> None:
        self._file, self._notes, self._kept = file, notes, kept
        self.parts = {part.name: part for part in kept.parts}
        self._end = sum(_room(part) for part in kept.parts)

    def add(self, name: str, chunks: Iterable[bytes], unpacked: int = 0) -> Part:
        """Append a part, or leave it where it is already there. `unpacked` is its size without compression."""
        if name not in self.parts:
            part = self._append(name, chunks)
            self.parts[name] = msgspec.structs.replace(part, unpacked=unpacked or part.bytes)
            self._kept.parts.append(self.parts[name])
            _note(self._notes, self._kept)
        return self.parts[name]

    @property
    def ended(self) -> frozenset[str]:
        """The kinds of parts of which there are all."""
        return frozenset(self._kept.ended)

    def end(self, kind: str) -> None:
        """Note that there are all parts of a kind."""
        self._kept.ended.append(kind)
        _note(self._notes, self._kept)

    def close(self, manifest: bytes) -> int:
        """Put the manifest behind the parts, and end the file; gives its size."""
        self._append(manifests.NAME, [manifest])
        self._append(manifests.DIGEST, [f"{hashlib.sha256(manifest).hexdigest()}  {manifests.NAME}\n".encode()])
        self._file.seek(self._end)
        self._file.write(END)
        self._file.truncate()
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._end + len(END)

    def _append(self, name: str, chunks: Iterable[bytes]) -> Part:
        """The size stands in front of the content and is known behind it, so the header is written twice."""
        self._file.seek(self._end)
        self._file.truncate()
        self._file.write(header(name, 0))
        total, size = hashlib.sha256(), 0
        for chunk in chunks:
            self._file.write(chunk)
            total.update(chunk)
            size += len(chunk)
        self._file.write(padding(size))
        self._file.seek(self._end)
        self._file.write(header(name, size))
        self._file.flush()
        part = Part(name, size, total.hexdigest(), size)
        self._end += _room(part)
        return part


def header(name: str, size: int) -> bytes:
    """What stands in front of a part."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def padding(size: int) -> bytes:
    """What fills a part's last block."""
    return bytes(-size % tarfile.BLOCKSIZE)


def _room(part: Part) -> int:
    return len(header(part.name, part.bytes)) + part.bytes + len(padding(part.bytes))


def _note(path: Path, kept: Kept) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(msgspec.json.encode(kept))
    new.replace(path)


def unfinished(target: Path) -> Path:
    """Where a bundle stands until it is whole."""
    return target.with_name(f"{target.name}.part")


@contextlib.contextmanager
def drafted(target: Path, key: str) -> Iterator[Draft]:
    """A draft of `target`, with the parts of an interrupted one that was made for the same (`key`) and is still as it
    was written. What leaves the block early leaves the draft for the next time."""
    path = unfinished(target)
    notes = path.with_name(f"{path.name}.json")
    try:
        with path.open("r+b" if path.exists() else "w+b") as file:
            _alone(file, target)
            kept = _standing(file, notes, key)
            _note(notes, kept)
            draft = Draft(file, notes, kept)
            try:
                yield draft
            except BaseException:
                if not draft.parts:
                    path.unlink()
                    notes.unlink()
                raise
            path.rename(target)
        notes.unlink()
    except OSError as error:
        message = f"{target} can't be made: {error.strerror}; what is made already is kept in {path.name}"
        fix = f"df -h {target.parent}; then the same command again, which goes on"
        raise fail("bundle-unwritable", message, str(target), fix) from None


def _alone(file: IO[bytes], target: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        message = f"another command is making {target}"
        raise fail("locked", message, str(target), "wait for it, or name another file") from None


def _standing(file: IO[bytes], notes: Path, key: str) -> Kept:
    """The parts that are noted, made for the same, and still have their digests, up to the first that has not."""
    try:
        kept = msgspec.json.decode(notes.read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError):
        kept = Kept("")
    whole: list[Part] = []
    if kept.key == key:
        file.seek(0)
        for part in kept.parts:
            head = header(part.name, part.bytes)
            if file.read(len(head)) != head or _digest(file, part.bytes) != part.sha256:
                break
            file.seek(len(padding(part.bytes)), os.SEEK_CUR)
            whole.append(part)
    # A kind is noted behind its parts, so it is whole where all that is noted is.
    return Kept(key, whole, kept.ended if kept.key == key and len(whole) == len(kept.parts) else [])


def _digest(file: IO[bytes], size: int, went_by: Callable[[int], None] | None = None) -> str:
    total = hashlib.sha256()
    for chunk in chunks(file, size):
        total.update(chunk)
        if went_by:
            went_by(len(chunk))
    return total.hexdigest()


def chunks(file: IO[bytes], size: int) -> Iterator[bytes]:
    """The next `size` bytes of a file, or what there is of them, a piece at a time."""
    left = size
    while left and (chunk := file.read(min(CHUNK, left))):
        left -= len(chunk)
        yield chunk


class Bundle(msgspec.Struct, frozen=True):
    """A bundle that is open: its manifest, and where each part begins."""

    path: Path
    file: IO[bytes]
    manifest: Manifest
    places: dict[str, int]

    def read(self, name: str) -> Iterator[bytes]:
        """A part's bytes, a piece at a time."""
        self.file.seek(self.places[name])
        return chunks(self.file, self.manifest.sizes()[name].bytes)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """A bundle whose manifest is whole and names just what is in the file. Raises StackError for any other file."""
    try:
        file = path.open("rb")
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}"
        raise fail("bundle", message, str(path), f"ls -l {path}") from None
    with file:
        yield _looked_through(path, file)


def _looked_through(path: Path, file: IO[bytes]) -> Bundle:
    name = str(path)
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            members = list(tar)
    except (tarfile.TarError, OSError, ValueError, UnicodeError) as error:
        raise manifests.damaged(name, str(error)) from None
    odd = next((member.name for member in members if not member.isreg()), None)
    if odd is not None:
        raise manifests.damaged(name, f"{odd!r} is no plain file")
    small = {m.name: _content(file, m) for m in members if m.name in (manifests.NAME, manifests.DIGEST)}
    if len(small) < len((manifests.NAME, manifests.DIGEST)):
        raise manifests.damaged(name, "its end is missing")
    data = small[manifests.NAME]
    if small[manifests.DIGEST].split()[:1] != [hashlib.sha256(data).hexdigest().encode()]:
        raise manifests.damaged(name, "its manifest is not as it was made")
    manifest = manifests.read(data, name)
    there = [(member.name, member.size) for member in members]
    ends = [(one, len(small[one])) for one in (manifests.NAME, manifests.DIGEST)]
    if there != [*((part.name, part.bytes) for part in manifest.parts), *ends]:
        raise manifests.damaged(name, "what is in it is not what its manifest names")
    return Bundle(path, file, manifest, {member.name: member.offset_data for member in members})


def _content(file: IO[bytes], member: tarfile.TarInfo) -> bytes:
    file.seek(member.offset_data)
    return file.read(min(member.size, SMALL))


def verify(bundle: Bundle, went_by: Callable[[int], None]) -> None:
    """Read all of it. Raises StackError for the first part that has not the digest that the manifest says."""
    for part in bundle.manifest.parts:
        bundle.file.seek(bundle.places[part.name])
        if _digest(bundle.file, part.bytes, went_by) != part.sha256:
            raise manifests.damaged(str(bundle.path), f"{part.name} is not as it was made")
