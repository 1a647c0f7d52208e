"""The edge to the checkout's files: reading them, digesting them, writing them whole or not at all."""

import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from stack import dockerignore
from stack.errors import fail

T = TypeVar("T")

GENERATED = ".stack"


def root() -> Path:
    """The checkout that this program belongs to."""
    return Path(__file__).resolve().parent.parent


PROJECTS = ("inv", "compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""Files of which a folder has one where it holds a checkout, or another Compose project."""


def same(one: Path | str, other: Path | str) -> bool:
    """Whether two paths lead to one folder, whatever symbolic links they go by."""
    return os.path.realpath(one) == os.path.realpath(other)


def holds_project(folder: Path) -> bool:
    """Whether a folder holds a project; one that we may not look into does."""
    try:
        return any((folder / name).is_file() for name in PROJECTS)
    except PermissionError:
        return True


def find(base: Path, roots: Iterable[str]) -> dict[str, bytes]:
    """The fragments and overrides below each root, by path relative to `base`."""
    found = {}
    for name in roots:
        folder = base / name if name else base
        for pattern in ("compose/*.yml", "overrides/*/*.yml"):
            for path in sorted(folder.glob(pattern)):
                key = f"{name}/{path.relative_to(folder)}" if name else str(path.relative_to(folder))
                found[key] = read(path)
    return found


def read(path: Path) -> bytes:
    """A file's bytes, or none where there is no such file. Raises StackError where it can't be read, as a link that
    leads nowhere, or is none: reading a FIFO would wait for ever."""
    try:
        wrong = _no_file(path.stat().st_mode)
        data = b"" if wrong else path.read_bytes()
    except FileNotFoundError:
        if not path.is_symlink():
            return b""
        wrong = f"it is a link to {path.readlink()}, which is not there"
    except OSError as error:
        wrong = str(error.strerror)
    if wrong:
        raise fail("unreadable", f"{path} can't be read: {wrong}", str(path), f"ls -ld {path}")
    return data


def _no_file(mode: int) -> str:
    """What a path is instead of a file; nothing where it is one."""
    kinds = {
        stat.S_IFREG: "",
        stat.S_IFDIR: "it is a folder",
        stat.S_IFIFO: "it is a FIFO",
        stat.S_IFLNK: "it is a link to itself",
    }
    return kinds.get(stat.S_IFMT(mode), "it is a device or a socket")


def digest(*parts: bytes) -> str:
    """One digest of several byte strings, boundaries included."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def flat(files: Mapping[str, bytes]) -> list[bytes]:
    """Files by path as the parts of a digest."""
    return [part for path, data in sorted(files.items()) for part in (path.encode(), data)]


def digest_path(path: Path) -> str:
    """The digest of a file, or of every file below a folder with its name and whether it is executable; without
    those that the folder's .dockerignore leaves out of a build."""
    if path.is_file():
        return digest(path.read_bytes())
    rules = dockerignore.rules(read(path / ".dockerignore").decode(errors="replace"))
    files = sorted(p for p in path.rglob("*") if p.is_file() and not _cached(p)
                   and not dockerignore.leaves_out(rules, str(p.relative_to(path))))  # fmt: skip
    parts = (part for p in files for part in (str(p.relative_to(path)).encode(), _mode(p), p.read_bytes()))
    return digest(*parts)


TOOLS = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
"""Folders that tools leave in a source folder: no part of it."""


def _cached(path: Path) -> bool:
    return bool(TOOLS & set(path.parts))


def _mode(path: Path) -> bytes:
    return b"x" if path.stat().st_mode & 0o111 else b"-"


def write(path: Path, data: bytes, mode: int = 0o644) -> bool:
    """Write a file whole or not at all, only when its bytes or its mode differ; tells whether it wrote. A symbolic link
    stays, and what it leads to is written.

    The new bytes stand complete on the disk before they take the old ones' place. Raises StackError where
    that fails (no space, no permission); the old content stays then."""
    target = Path(os.path.realpath(path))
    try:
        old = target.lstat() if os.path.lexists(target) else None
        wrong = _no_file(old.st_mode) if old else ""
        if not wrong and old and stat.S_IMODE(old.st_mode) == mode and target.read_bytes() == data:
            return False
        if not wrong:
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, data, mode)
    except OSError as error:
        wrong = str(error.strerror)
    if wrong:
        message = f"{path} can't be written: {wrong}; its old content stays"
        raise fail("unwritable", message, str(path), f"ls -ld {path.parent} && df -h {path.parent}")
    return True


def share(path: Path, data: bytes) -> bool:
    """Write a file as `write` does, in a folder that every user may enter, whatever the umask. Tells whether it
    wrote."""
    wrote = write(path, data)
    if path.parent.stat().st_mode & 0o777 != 0o755:
        path.parent.chmod(0o755)
    return wrote


def enclose(folder: Path) -> None:
    """Make a folder that its owner alone may enter, whatever lies in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o777 != 0o700:
        folder.chmod(0o700)


def copy(source: Path, target: Path) -> None:
    """Make `target` the same as the file or folder `source`, readable to all. What `source` lacks goes."""
    if source.is_file():
        share(target, source.read_bytes())
        return
    files = {path.relative_to(source) for path in source.rglob("*") if path.is_file() and not _cached(path)}
    for old in [path for path in target.rglob("*") if path.is_file() and path.relative_to(target) not in files]:
        old.unlink()
    target.mkdir(parents=True, exist_ok=True)
    for name in sorted(files):
        write(target / name, (source / name).read_bytes())
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)


KEPT = 100
"""Files of one kind that the cache holds, at most: some 10 MB of merged models."""


def remember(path: Path, data: bytes) -> None:
    """Write what can be made again, and forget the oldest of its kind (the part of its name before the `-`). A checkout
    that can't be written costs time then, and nothing else; nor does a file that a power cut leaves empty."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data, 0o644, lasting=False)
        same = path.parent.glob(f"{path.name.partition('-')[0]}-*")
        for old in sorted(same, key=lambda file: file.stat().st_mtime_ns)[:-KEPT]:
            old.unlink()


def recall(path: Path, kind: type[T]) -> T | None:
    """What `remember` wrote as JSON of this kind; None where there is none that can be read."""
    import msgspec

    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


LOOSE = ".inv-"
"""How the name begins of what is to take a file's place; the process that writes it comes behind."""


def _replace(path: Path, data: bytes, mode: int, lasting: bool = True) -> None:
    """Put new bytes in a file's place: `lasting` ones are on the disk before."""
    folder = _aside(path)
    sweep(folder)
    new = folder / f"{loose(os.getpid())}{os.urandom(8).hex()}"
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        new.chmod(mode)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _aside(path: Path) -> Path:
    """Where new bytes stand before they take the old ones' place: they may be secrets, so in a folder of .stack/ that
    nobody else may enter; beside the old ones where those are no part of this checkout, or on another file system."""
    if not path.is_relative_to(root()):
        return path.parent
    folder = root() / GENERATED / "tmp"
    enclose(folder)
    return folder if folder.stat().st_dev == path.parent.stat().st_dev else path.parent


def sweep(folder: Path) -> None:
    """Remove what killed processes left there."""
    for left in folder.glob(f"{LOOSE}*"):
        process = left.name.removeprefix(LOOSE).partition("-")[0]
        if not process.isdecimal() or _lives(int(process)):
            continue
        if left.is_dir():
            import shutil

            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


@contextlib.contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """A folder in .stack/tmp for as long as the block; what killed processes left there goes first."""
    import tempfile

    place = root / GENERATED / "tmp"
    enclose(place)
    sweep(place)
    with tempfile.TemporaryDirectory(dir=place, prefix=loose(os.getpid())) as name:
        yield Path(name)


def loose(process: int) -> str:
    """How the name begins of what this process is about to put in place."""
    return f"{LOOSE}{process}-"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


PATIENCE = 60.0
"""Seconds for which a command waits for another one that changes the checkout, and those after which it says so."""
SILENT = 1.0


@contextlib.contextmanager
def locked(base: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the checkout's lock: one command at a time changes it. Waits `patience` seconds for it, and says for whom.

    Raises StackError naming the holder's command and process where it stays taken."""
    from filelock import FileLock, Timeout

    folder = base / GENERATED
    lock = FileLock(folder / "lock")
    try:
        folder.mkdir(exist_ok=True)
        try:
            lock.acquire(timeout=min(patience, SILENT))
        except Timeout:
            if patience > SILENT:
                print(f"waiting for {_holder(folder)[0]}, {patience:.0f} s at most", file=sys.stderr, flush=True)
            lock.acquire(timeout=max(patience - SILENT, 0))
    except Timeout:
        who, process = _holder(folder)
        waited = f", and did not end within {patience:.0f} s" if patience else ""
        message = f"{who} is changing this checkout{waited}"
        fix = f"wait for it, or look at it: ps -p {process} -f"
        raise fail("locked", message, str(folder / "lock"), fix) from None
    except OSError as error:
        message = f"{folder} can't be written: {error.strerror}"
        raise fail("unwritable", message, str(folder), f"ls -ld {base} {folder}") from None
    try:
        # The holder's name only helps whoever waits, so a full disk must not end the command here.
        with contextlib.suppress(OSError):
            (folder / "lock.pid").write_text(f"{os.getpid()} {_command()}")
        yield
    finally:
        lock.release()


def holder(base: Path) -> str:
    """Who holds the checkout's lock now, as a message has it; empty where nobody does.

    To see that, the lock is taken for a moment, together with whoever else looks; a command that comes just then tries
    again by itself (`locked`)."""
    import fcntl

    folder = base / GENERATED
    try:
        with (folder / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(folder)[0]
    except OSError:
        return ""
    return ""


def _holder(folder: Path) -> tuple[str, str]:
    """Who holds the lock, as a message has it, and the process."""
    process, _, command = read(folder / "lock.pid").decode(errors="replace").partition(" ")
    who = f"./inv {command}" if command else "another ./inv"
    return f"{who} (process {process or 'unknown'})", process or "unknown"


def _command() -> str:
    """The command of this process, without its words, which may be secrets."""
    word = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    return word if word.replace(".", "").replace("-", "").isalpha() else ""
