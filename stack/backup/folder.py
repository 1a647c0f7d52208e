"""The folder of the backups: a restic repository, a file NAME.json for each whole backup in it, written last, and what
opens it. A backup without that file is none."""

import contextlib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from stack import tree
from stack.backup import keys, manifest
from stack.backup.manifest import Manifest
from stack.errors import Problem, StackError, fail

INSIDE = {"config", "data", "index", "keys", "locks", "snapshots"}
"""What a restic repository consists of."""
LOCK = ".lock"
FILES = "????-??-??-??????.json"


def of(root: Path, setting: str) -> Path:
    """BACKUP_DIR as a path; a relative one lies in the checkout."""
    return root / Path(setting).expanduser()


def listed(folder: Path) -> list[Manifest]:
    """The whole backups in a folder, the oldest first, as their files say; one that can't be read is left out."""
    found = []
    for path in sorted(folder.glob(FILES)):
        with contextlib.suppress(StackError):
            found.append(manifest.decode(tree.read(path), str(path)))
    return found


def names(folder: Path) -> set[str]:
    """The names of the whole backups in a folder, those of a newer version, too."""
    return {path.stem for path in folder.glob(FILES)}


def newest(folder: Path, project: str) -> str:
    """The name of a project's newest whole backup in a folder; empty where there is none."""
    for path in sorted(folder.glob(FILES), reverse=True):
        with contextlib.suppress(StackError):
            found = manifest.decode(tree.read(path), str(path))
            if found.project == project:
                return found.name
    return ""


def made(folder: Path) -> bool:
    """Whether there is a repository in the folder."""
    return (folder / "config").is_file()


@contextlib.contextmanager
def called(place: Path, shown: str) -> Iterator[None]:
    """Problems of the block say `shown` in place of the folder, which is gone by the time that somebody reads them."""
    try:
        yield
    except StackError as error:
        raise StackError([_called(one, str(place), shown) for one in error.problems], error.exit_code) from None


def _called(problem: Problem, place: str, shown: str) -> Problem:
    where, message, fix = (word.replace(place, shown) for word in (problem.where, problem.message, problem.fix))
    return msgspec.structs.replace(problem, where=where, message=message, fix=fix)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder, which several checkouts may share, to write to it. Raises StackError where another does."""
    try:
        tree.enclose(folder)
    except OSError as error:
        raise _unwritable(folder, error) from None
    with _locked(folder):
        yield


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Hold the folder against those who remove what is read. One that can't be written to has nobody who does.
    Raises StackError where somebody else holds it."""
    if not os.access(folder, os.W_OK):
        yield
        return
    with _locked(folder):
        yield


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=tree.PATIENCE)
    except Timeout:
        raise fail("backup-locked", "another command is at work in this folder", str(folder), "wait for it") from None
    except OSError as error:
        raise _unwritable(folder, error) from None
    try:
        yield
    finally:
        lock.release()


def _unwritable(folder: Path, error: OSError) -> StackError:
    return fail("unwritable", f"{folder} can't be written: {error.strerror}", str(folder), f"ls -ld {folder.parent}")


def packed(folder: Path, target: Path) -> int:
    """Write a folder of backups as one file, whole or not at all, for its owner alone; its size."""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=tree.loose(os.getpid()))
    except OSError as error:
        raise _unwritten(target, error) from None
    try:
        with os.fdopen(handle, "wb") as out, tarfile.open(fileobj=out, mode="w") as archive:
            for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != LOCK):
                archive.add(path, str(path.relative_to(folder)), recursive=False)
            archive.close()
            out.flush()
            os.fsync(out.fileno())
        Path(name).replace(target)
    except OSError as error:
        raise _unwritten(target, error) from None
    finally:
        Path(name).unlink(missing_ok=True)
    return target.stat().st_size


def _unwritten(target: Path, error: OSError) -> StackError:
    return fail("backup-space", f"{target} can't be written: {error.strerror}", str(target), f"df -h {target.parent}")


@contextlib.contextmanager
def unpacked(source: Path, root: Path) -> Iterator[Path]:
    """A folder of the checkout with what such a file has, for as long as the block. Raises StackError for a file that
    is none, or is cut off, and for one with paths or links that a repository does not have."""
    with contextlib.ExitStack() as held:
        try:
            folder = held.enter_context(tree.scratch(root))
            with tarfile.open(source, mode="r:") as archive:
                for member in archive:
                    _take(archive, member, folder, source)
        except (tarfile.TarError, EOFError) as error:
            raise _broken(source, f"it is no backup, or cut off: {error}") from None
        except OSError as error:
            if error.filename == str(source):
                raise fail("unreadable", f"{source} can't be read: {error.strerror}", str(source),
                           f"ls -ld {source}") from None  # fmt: skip
            place = root / tree.GENERATED / "tmp"
            raise fail("backup-space", f"{place} can't be written: {error.strerror}", str(source),
                       f"df -h {place}") from None  # fmt: skip
        if not made(folder) or not listed(folder):
            raise _broken(source, "it is no backup, or cut off")
        yield folder


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, source: Path) -> None:
    parts = member.name.split("/")
    top = len(parts) == 1 and (parts[0] in {"config", keys.PLAIN, keys.SEALED} or parts[0].endswith(".json"))
    deep = parts[0] in INSIDE and len(parts) <= 3 and not {"", ".", ".."} & set(parts)
    if not member.isreg() or not (top or deep):
        raise _broken(source, "it has a path or a link that no backup has")
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    file = archive.extractfile(member)
    assert file
    with target.open("wb") as out:
        left = member.size
        while block := file.read(min(left, 1 << 20)):
            out.write(block)
            left -= len(block)
    if left:
        raise _broken(source, "it is cut off")


def _broken(source: Path, why: str) -> StackError:
    return fail("backup-broken", f"{source.name} can't be restored: {why}", str(source), "take another backup")
